"""The study of an expert's groups: its cell and section, what resumes, and what it refuses."""

import pytest

import workbench as wb
from tests.merging import folders
from tests.merging.test_importance import QUICK, answered, loaded, questions
from tests.studies.merging.drawn import numbers
from workbench.errors import BadArgument
from workbench.studies import run_merge_importance
from workbench.studies.report.store import load_report

OPTIONS = wb.studies.Options(**QUICK)


@pytest.fixture(scope="module")
def planted():
    """An expert that differs from its base in layer 3, and the task of its own answers."""
    expert, base = loaded(["layers.3."]), loaded()
    return expert, base, answered(expert, questions("task", ["de"]))


@pytest.fixture(scope="module")
def run(planted, tmp_path_factory):
    expert, base, task = planted
    return run_merge_importance(
        expert, base, out=tmp_path_factory.mktemp("study") / "run", task={"planted": task}, options=OPTIONS
    )


def test_the_result_is_that_of_the_library(planted, run):
    expert, base, task = planted
    expected = wb.merging.importance(expert, base, {"planted": task}, **QUICK)
    assert wb.load_result(run / "importance.nc").drop_attrs().identical(expected.drop_attrs())


def test_the_report_names_the_planted_layer_and_draws_the_losses(run):
    made, (section,) = wb.load_result(run / "importance.nc"), load_report(run).sections
    assert section.finding.answer.startswith("Of 6 groups, layer 3 loses most when it is put back")
    assert (numbers(section.figure.data[0]) == made.loss.values).all()
    assert section.table.index.tolist() == [*made.group.values, "all"]


def test_a_second_run_measures_nothing_again_and_other_groups_do(planted, run, monkeypatch):
    expert, base, task = planted
    how = {"out": run, "task": {"planted": task}, "options": OPTIONS}
    monkeypatch.setattr("workbench.studies.merging.importance.importance", lambda *_, **__: 1 / 0)
    assert run_merge_importance(expert, base, **how) == run
    with pytest.raises(ZeroDivisionError):
        run_merge_importance(expert, base, groups="q,3:down", **how)


def test_groups_and_files_are_read_as_they_are_typed(planted, tmp_path):
    expert, base, _ = planted
    (tmp_path / "mine.jsonl").write_text(
        '{"id": 1, "language": "fr", "context": "a", "options": ["b", "c"], "gold": 0}\n'
        '{"id": 2, "language": "fr", "context": "b", "options": ["a", "d"], "gold": 1}\n'
    )
    run = run_merge_importance(
        expert,
        base,
        out=tmp_path / "run",
        task=f"words:de,{tmp_path / 'mine.jsonl'}",
        groups="ends,3,3:q",
        languages="fr",
        limit=2,
        options=wb.studies.Options(**QUICK, truncate=True),
    )
    made = wb.load_result(run / "importance.nc")
    assert made.task.values.tolist() == ["words_de", "mine_jsonl"]
    assert made.group.values.tolist() == ["ends", "layer 3", "layer 3 q"]


def test_nothing_to_lose_is_stated(tmp_path):
    run = run_merge_importance(
        "polyglot-aligned", "polyglot", out=tmp_path / "run", languages="de", limit=8, options=OPTIONS
    )
    answer = load_report(run).sections[0].finding.answer
    assert answer == "Nothing is lost on these items: accuracy stays as it is, whichever of 7 groups is put back."


@pytest.mark.parametrize("groups", ["q", "q,q", "3"])
def test_fewer_than_two_groups_are_refused_before_a_model_is_loaded(groups, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.studies.options.load_model", lambda *_, **__: 1 / 0)
    with pytest.raises(BadArgument, match="two or more groups"):
        run_merge_importance(folders.BASE, folders.BASE, out=tmp_path / "run", groups=groups, options=OPTIONS)
