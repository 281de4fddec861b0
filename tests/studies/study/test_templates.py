"""Study files to begin with: each is whole, and passes its own check without a model."""

import pytest

from workbench.errors import BadArgument, CannotWrite
from workbench.studies.study import check as module
from workbench.studies.study.check import check
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.study import Study
from workbench.studies.study.templates import QUESTIONS, write_template

JOBS = {"heads": 3, "neurons": 2, "patching": 2, "removal": 2, "before-and-after": 5, "evaluation": 2, "atlas": 12}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_template_is_a_study_that_can_be_run(tmp_path, monkeypatch, question):
    monkeypatch.setattr(module.Models, "of", lambda *_: pytest.fail("a model was loaded"))
    study = Study.read(write_template(question, tmp_path / "study.toml"))
    assert len(jobs_of(study)) == JOBS[question]
    assert check(study) == (120 if question == "atlas" else 20)
    assert study.question.endswith("?") and "#" in (tmp_path / "study.toml").read_text()


def test_a_file_is_not_replaced(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text("mine")
    with pytest.raises(CannotWrite, match="there already"):
        write_template("heads", path)
    assert path.read_text() == "mine"


def test_an_unknown_question_is_named(tmp_path):
    with pytest.raises(BadArgument, match=r"no study of 'head' \(has: heads, neurons"):
        write_template("head", tmp_path / "study.toml")
