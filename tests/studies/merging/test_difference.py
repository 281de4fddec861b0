"""The study of two tunings: its cell and sections, what resumes, and how it is called."""

import numpy as np
import pytest

import workbench as wb
from tests.merging import folders
from tests.studies.merging.drawn import numbers
from workbench.studies import run_merge_difference
from workbench.studies.report.store import load_report

QUIET = wb.studies.Options(progress=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    base = folders.tiny(place / "base")
    return base, *(folders.tuned(base, place / name, seed) for seed, name in enumerate(("task", "language", "again")))


@pytest.fixture(scope="module")
def run(models, tmp_path_factory):
    base, task, language, again = map(str, models)
    return run_merge_difference(
        base, task, language, out=tmp_path_factory.mktemp("study") / "run", ceiling=again, floor=base, options=QUIET
    )


def test_the_result_is_that_of_the_library(models, run):
    base, task, language, again = map(str, models)
    expected = wb.merging.difference(wb.merging.pair(base, task, language), ceiling=again, floor=base, progress=False)
    assert wb.load_result(run / "difference.nc").drop_attrs().identical(expected.drop_attrs())


def test_the_report_has_three_sections_with_panels_beside_each_other(run):
    report = load_report(run)
    panels = [
        [note.text for note in section.figure.layout.annotations if note.text.startswith(("Expert", "Sets"))]
        for section in report.sections
    ]
    bounds = ["Sets of another seed", "Sets of shuffled data"]
    assert panels == [
        ["Expert task", "Expert language", "Expert ceiling", "Expert floor"],
        ["Sets of both experts", *bounds],
        ["Sets of both experts", "Sets drawn at random", *bounds],
    ]
    assert [section.finding.answer.split(",")[0].split(" have")[0] for section in report.sections] == [
        "Relative to the weights before",
        "Changes of the two experts",
        "Of the weights that either expert changes most",
    ]
    assert "The expert of shuffled data changes no weight of a layer." in report.sections[0].finding.text


def test_the_panels_hold_the_result(run):
    made, report = wb.load_result(run / "difference.nc"), load_report(run)
    cosine, overlap = (section.figure.data for section in report.sections[1:])
    for traces, names in (
        (cosine, ["cosine", "ceiling_cosine", "floor_cosine"]),
        (overlap, ["overlap", "expected_overlap", "ceiling_overlap", "floor_overlap"]),
    ):
        assert len(traces) == len(names)
        for trace, name in zip(traces, names, strict=True):
            np.testing.assert_array_equal(numbers(trace), made[name].values, name)


def test_a_second_run_reads_nothing_again_and_another_share_does(models, run, monkeypatch):
    base, task, language, again = map(str, models)
    how = {"out": run, "ceiling": again, "floor": base, "options": QUIET}
    monkeypatch.setattr("workbench.studies.merging.difference.difference", lambda *_, **__: 1 / 0)
    assert run_merge_difference(base, task, language, **how) == run
    with pytest.raises(ZeroDivisionError):
        run_merge_difference(base, task, language, **how, top=0.1)


def test_the_recipe_is_a_command_with_the_options_that_it_has(models, tmp_path):
    base, task, language, _ = map(str, models)
    run = run_merge_difference(base, task, language, out=tmp_path / "run", top=0.1, options=QUIET)
    assert (
        load_report(run).recipe.command
        == f"workbench merge difference {base} {task} {language} --top 0.1 --out runs/run"
    )
