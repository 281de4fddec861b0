"""A study's report: each analysis's answers by job, what is missing, and every text escaped."""

import pytest

from tests.studies.study.toy import plan, run_toy, sums
from tests.studies.study.toy import toys as _toys
from workbench.errors import BadStudy, TooLarge
from workbench.studies.report.store import load_report
from workbench.studies.study import run
from workbench.studies.study.report import report
from workbench.studies.study.run import run_jobs

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys


def test_each_analysis_has_the_answer_of_each_job(tmp_path):
    run_jobs(plan(), tmp_path, progress=False)
    page = report(tmp_path)
    made = load_report(tmp_path)
    assert made.title == "How much?"
    assert [part.title for part in made.sections] == ["toy: How much is it?", "other: How much is it?"]
    totals = [float(sums(1.0, seed).total[0]) for seed in (0, 1)]
    assert made.sections[0].finding.answer == (
        f"seed 0: The sum is {totals[0]:.3f}. seed 1: The sum is {totals[1]:.3f}."
    )
    figure = made.sections[0].figure
    assert figure is not None and len(figure.data[0].y) == 2
    text = page.read_text(encoding="utf-8")
    assert all(f'href="./seed-{seed}/{name}/report.html"' in text for seed in (0, 1) for name in ("toy", "other"))


def test_jobs_that_are_not_finished_are_named(tmp_path, monkeypatch):
    def broken(*given, **named):
        if named["options"].seed == 1:
            raise TooLarge("one text does not fit")
        return run_toy(*given, **named)

    broken.build = run_toy.build
    monkeypatch.setattr(run, "function_of", lambda _: broken)
    run_jobs(plan(), tmp_path, progress=False)
    report(tmp_path)
    last = load_report(tmp_path).sections[-1].finding.answer
    assert last == "2 jobs are not finished: seed-1/toy, seed-1/other."


def test_a_study_without_a_finished_job_has_no_report(tmp_path):
    with pytest.raises(BadStudy, match="not the folder of a study"):
        report(tmp_path)


def test_texts_of_a_study_are_escaped(tmp_path):
    hostile = "<script>alert(1)</script>"
    study = plan(question=hostile, models=[f"</title>{hostile}"], corpora=[f"{hostile}\"'"])
    run_jobs(study, tmp_path, progress=False)
    text = report(tmp_path).read_text(encoding="utf-8")
    assert hostile not in text
    assert "&lt;script&gt;alert(1)" in text
