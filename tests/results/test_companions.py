"""Every result says which interval, p-value and control belongs to which variable; older files come to say it too."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.studies.test_resume import ANALYSES
from workbench.results.companions import ATTRIBUTE, ENDS, belongs, companions, declared
from workbench.results.files import load_result, save_result
from workbench.results.make import make_result

OLD = Path(__file__).parent / "format1"


def test_names_and_owners():
    names = ["delta", "low", "high", "excess", "excess_low", "excess_high", "p_value", "other"]
    axes = dict.fromkeys(names, ("x",))
    found = declared(axes, {"delta": ["low", "high", "missing"], "excess": ["p_value", "excess_low"]})
    assert found == {"delta": "low high", "excess": "excess_low excess_high p_value"}
    assert declared(axes, {}) == {"delta": "low high", "excess": "excess_low excess_high p_value"}
    assert declared({**axes, "p_value": ("y",)}, {})["excess"] == "excess_low excess_high"


def test_a_figure_draws_what_is_declared_and_guesses_nothing():
    values = np.arange(3.0)
    cells = {name: (("layer",), values + shift, name) for name, shift in (("a", 0), ("b", 0), ("low", -1), ("high", 1))}
    result = make_result(cells, {}, method="test", parameters={}, owners={"a": ["low", "high"]})
    assert companions(result, "b") == {}
    assert set(companions(result, "a")) == {"low", "high"}
    assert belongs(result, "low") and not belongs(result, "a")
    assert len(wb.figures.curves(result, "a").data) > len(wb.figures.curves(result, "b").data)  # a band


def test_a_dataset_made_by_hand():
    one = {"a": ("x", [1.0]), "low": ("x", [0.0]), "high": ("x", [2.0]), "p_value": ((), 0.5)}
    result = xr.Dataset(one)
    assert set(companions(result, "a")) == {"low", "high"}
    assert companions(result.assign(b=("x", [1.0])), "a") == {}  # whose they are is not known
    assert set(companions(result.rename(low="a_low", high="a_high").assign(b=("x", [1.0])), "a")) == {"low", "high"}


@pytest.mark.parametrize("name", ANALYSES)
def test_no_interval_of_any_analysis_is_without_an_owner(name):
    result = ANALYSES[name]()
    ends = [one for one in map(str, result.data_vars) if any(one == end or one.endswith(f"_{end}") for end in ENDS)]
    assert [one for one in ends if not belongs(result, one)] == []


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("ablate", {"delta": "low high p_value"}),
        ("importance", {"importance": "low high p_value", "gradient": "p_value"}),
        (
            "knockout",
            {
                "delta": "low high control_mean control_low control_high",
                "excess": "excess_low excess_high p_value",
                "contrast": "contrast_low contrast_high",
            },
        ),
        ("transfer", {"preference": "low high", "moved": "moved_low moved_high p_value"}),
    ],
)
def test_files_of_format_1_are_read_and_say_so_too(name, owners, tmp_path):
    result = load_result(OLD / f"{name}.nc")
    assert result.attrs["format"] == 1
    assert {str(k): v.attrs[ATTRIBUTE] for k, v in result.data_vars.items() if ATTRIBUTE in v.attrs} == owners
    assert load_result(save_result(result, tmp_path / "again.nc")).identical(result)


def test_an_old_file_says_what_a_new_one_says(tmp_path):
    made = ANALYSES["ablate"]()
    new = load_result(save_result(made, tmp_path / "new.nc"))
    assert new.delta.attrs[ATTRIBUTE] == load_result(OLD / "ablate.nc").delta.attrs[ATTRIBUTE]
