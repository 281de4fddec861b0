"""What differs between two runs: a row for each kind of difference, and none for equal runs."""

import json

import numpy as np
import pytest
import xarray as xr

from tests.studies.study.toy import plan
from tests.studies.study.toy import toys as _toys
from workbench.errors import BadResult, BadStudy
from workbench.results.files import load_result, save_result
from workbench.studies.study.difference import diff
from workbench.studies.study.run import run_jobs

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys


def ran(folder, **changes):
    run_jobs(plan(**{"seeds": [0], "limit": 2, **changes}), folder, progress=False)
    return folder


def rewrite(folder, change):
    """Change the first result of a run."""
    path = folder / "toy/first.nc"
    result = change(load_result(path))
    path.unlink()
    save_result(result, path)


def found(a, b):
    return [tuple(row) for row in diff(a, b).itertuples(index=False)]


@pytest.fixture
def two(tmp_path):
    return ran(tmp_path / "a"), ran(tmp_path / "b")


def test_equal_runs_have_no_row(two):
    assert found(*two) == []
    assert diff(*two).columns.tolist() == ["job", "result", "what", "a", "b"]


def test_a_result_that_only_one_has(two):
    (two[1] / "toy/second.nc").unlink()
    assert found(*two) == [("toy", "second", "result", "there", "missing")]
    assert found(*reversed(two)) == [("toy", "second", "result", "missing", "there")]


def test_inputs_and_numbers(tmp_path):
    a, b = ran(tmp_path / "a"), ran(tmp_path / "b", analyses=[{"run": "toy", "by": 2.0}])
    rows = [row for row in found(a, b) if row[:2] == ("toy", "first")]
    whole = [load_result(folder / "toy/first.nc") for folder in (a, b)]
    at = abs(whole[0].total - whole[1].total).values.argmax()
    low = abs(whole[0].low - whole[1].low).values.argmax()
    assert rows == [
        ("toy", "first", "by", 1.0, 2.0),
        ("toy", "first", "total: largest difference", *(part.total.values[at] for part in whole)),
        ("toy", "first", "low: largest difference", *(part.low.values[low] for part in whole)),
    ]
    assert ("other", "first", "result", "there", "missing") in found(a, b)


@pytest.mark.parametrize(
    ("change", "what", "values"),
    [
        (lambda r: r.drop_vars("low"), "low", ("there", "missing")),
        (lambda r: r.assign_coords(language=["de", "fr", "zh"]), "language: values", ("1 differ", "of 3")),
        (lambda r: r.assign(low=xr.DataArray([1.0], dims="x")), "low: size", ({"language": 3}, {"x": 1})),
    ],
)
def test_variables_and_labels(two, change, what, values):
    rewrite(two[1], change)
    rows = [row for row in found(*two) if row[2] == what]
    assert rows == [("toy", "first", what, *values)]


def test_missing_numbers_are_equal_to_each_other_and_far_from_numbers(two):
    def lacking(which, raised=0.0):
        def change(result):
            total = result.total.values.copy()
            total[which] = float("nan")
            return result.assign(total=("language", total + np.array([0, 0, raised])))

        return change

    for folder in two:
        rewrite(folder, lacking(0))
    assert found(*two) == []
    rewrite(two[1], lacking(0, raised=1.0))
    ((*_, what, left, right),) = found(*two)
    assert (what, round(right - left, 9)) == ("total: largest difference", 1.0)
    rewrite(two[1], lacking(1))
    assert str(found(*two)[0][-1]) == "nan"


def test_a_damaged_result_and_a_folder_without_a_study_are_refused(two, tmp_path):
    (two[1] / "toy/first.nc").write_bytes(b"nothing")
    with pytest.raises(BadResult):
        diff(*two)
    with pytest.raises(BadStudy):
        diff(two[0], tmp_path)


def test_a_record_that_is_not_of_the_workbench_has_no_inputs(two):
    for folder in two:
        rewrite(folder, lambda result: result.drop_attrs(deep=False).assign_attrs(result.attrs | {"cell": "{}"}))
    assert found(*two) == []
    assert json.loads(load_result(two[0] / "toy/first.nc").attrs["cell"]) == {}
