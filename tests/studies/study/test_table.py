"""One table of all results of a study, by hand and in SQL."""

import sys

import numpy as np
import pytest

from tests.studies.study.toy import plan, sums
from tests.studies.study.toy import toys as _toys
from workbench.errors import BadArgument, BadStudy, MissingExtra
from workbench.results.make import make_result
from workbench.studies.study import table as module
from workbench.studies.study.folder import plan_in
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.run import run_jobs
from workbench.studies.study.table import query, table

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys


@pytest.fixture
def study(tmp_path):
    run_jobs(plan(limit=2), tmp_path / "sums", progress=False)
    return tmp_path / "sums"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The table of a study whose finished results are these."""

    def of(*given):
        job = jobs_of(plan(seeds=[0]))[0]
        monkeypatch.setattr(module, "results_in", lambda _: [(job, "made", result) for result in given])
        return table(tmp_path)

    return of


def made(variables, **coords):
    return make_result(variables, coords, method="made", parameters={})


def test_a_row_for_each_language_of_each_result(study):
    rows = table(study)
    assert rows.columns.tolist() == [
        *("study", "analysis", "model", "corpus", "seed", "result", "variable"),
        *("language", "value", "low"),
    ]
    assert len(rows) == 2 * 2 * 2 * 3
    picked = rows[(rows.analysis == "other") & (rows.seed == 1) & (rows.result == "second")]
    expected = sums(4.0, 2, limit=2)
    assert picked.value.tolist() == expected.total.values.tolist()
    assert picked.low.tolist() == expected.low.values.tolist()
    assert set(rows.study) == {"sums"} and set(rows.variable) == {"total"}


def test_one_analysis_and_several_folders(study):
    assert set(table(study, analysis="toy").analysis) == {"toy"}
    assert len(table([study, study])) == 2 * len(table(study))
    with pytest.raises(BadArgument, match=r"no analysis is named 'heads' \(has: other, toy\)"):
        table(study, analysis="heads")


def test_words_are_labels_and_numbers_values(results):
    role = made({"role": (("layer", "head"), np.array([["none", "shared"]]), "")})
    gap = made({"gap": (("layer",), np.array([0.5, np.nan]), "a gap"), "p_value": (("layer",), [0.01, 0.9], "")})
    rows = results(role, gap)
    assert rows.label.tolist()[:2] == ["none", "shared"] and rows["head"].tolist()[:2] == [0, 1]
    last = rows.iloc[2]
    assert len(rows) == 3  # what could not be measured is no row
    assert (last.variable, last.layer, last.value, last.p_value) == ("gap", 0, 0.5, 0.01)


def test_single_texts_are_no_rows_and_a_single_number_is(results):
    texts = made({"loss": (("language", "sample"), np.ones((1, 3)), "")}, language=["de"])
    alone = made({"rho": ((), 0.25, "")})
    rows = results(texts, alone)
    assert rows[["variable", "value"]].values.tolist() == [["rho", 0.25]]


def test_an_axis_with_the_name_of_a_column_does_not_overwrite_it(results):
    compared = made({"accuracy": (("model", "language"), np.eye(2), "a")}, model=["a", "b"], language=["de", "fr"])
    rows = results(compared)
    assert set(rows.model) == {""}  # a toy takes no model
    assert rows[["model_axis", "language", "value"]].to_numpy().tolist()[:2] == [["a", "de", 1.0], ["a", "fr", 0.0]]


def test_a_study_without_results_is_named(study, tmp_path):
    for job in jobs_of(plan_in(study)):
        (study / job.folder / "job.json").unlink()
    with pytest.raises(BadStudy, match="no finished result"):
        table(study)


def test_sql_groups_what_pandas_groups(study):
    found = query("select analysis, language, avg(value) as mean from runs group by all order by all", [study])
    expected = table(study).groupby(["analysis", "language"]).value.mean()
    assert found.set_index(["analysis", "language"])["mean"].to_dict() == pytest.approx(expected.to_dict())


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{secret}')",
        "select * from '{secret}'",
        "copy runs to '{made}'",
        "attach '{made}' as other",
        "install httpfs",
        "load httpfs",
        "select * from read_csv('http://127.0.0.1:9/a.csv')",
        "set enable_external_access = true",
        "select * from rows",
        "selec",
        "",
    ],
)
def test_a_query_reaches_nothing_else_and_a_wrong_one_is_a_line(study, tmp_path, sql):
    secret, made_file = tmp_path / "secret.csv", tmp_path / "made"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(BadArgument, match=r"^the query is wrong: ") as error:
        query(sql.format(secret=secret, made=made_file), [study])
    assert "\n" not in str(error.value)
    assert not made_file.exists()


def test_without_duckdb_it_says_what_to_install(study, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=r"babel-workbench\[queries\]"):
        query("select 1", [study])
