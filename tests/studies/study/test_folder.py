"""How far a study is can be read from its folder alone."""

import json

import pytest

from tests.studies.study.toy import plan
from tests.studies.study.toy import toys as _toys
from workbench.errors import BadStudy
from workbench.results.resuming.lock import locked
from workbench.studies.study.folder import plan_in, results_in, status
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.run import FILE, run_jobs

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys
STUDY = plan(seeds=[0], limit=2)


def write(folder, study=STUDY):
    (folder / FILE).write_text(json.dumps(study.record), encoding="utf-8")
    return folder


def states(folder):
    return dict(status(folder).state)


def test_each_state_is_that_of_the_files(tmp_path):
    write(tmp_path)
    assert states(tmp_path) == {"toy": "waiting", "other": "waiting"}
    (tmp_path / "toy").mkdir()
    assert states(tmp_path) == {"toy": "stopped", "other": "waiting"}
    with locked(tmp_path / "toy"):
        assert states(tmp_path) == {"toy": "running", "other": "waiting"}
    (tmp_path / "failed.json").write_text(json.dumps({"other": "one text does not fit"}))
    assert states(tmp_path) == {"toy": "stopped", "other": "failed"}
    run_jobs(STUDY, tmp_path, progress=False)
    table = status(tmp_path)
    assert table.state.tolist() == ["finished"] * 2 and table.results.tolist() == [2, 2]
    assert (table.seconds >= 0).all() and table.finished.str.startswith("20").all()


def test_a_job_of_other_arguments_is_not_finished(tmp_path):
    run_jobs(STUDY, tmp_path, progress=False)
    write(tmp_path, plan(seeds=[0], limit=3))
    table = status(tmp_path)
    assert table.state.tolist() == ["stopped"] * 2 and table.seconds.isna().all()
    assert list(results_in(tmp_path)) == []


def test_the_study_is_read_back(tmp_path):
    write(tmp_path)
    assert plan_in(tmp_path) == STUDY
    run_jobs(STUDY, tmp_path, progress=False)
    found = [(job.folder, name) for job, name, _ in results_in(tmp_path)]
    assert found == [(job.folder, name) for job in jobs_of(STUDY) for name in ("first", "second")]


def test_a_folder_without_a_study_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadStudy, match="not the folder of a study"):
            status(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"question": 3}', "[" * 100_000, "\ud800"])
def test_a_damaged_study_is_named(tmp_path, text):
    (tmp_path / FILE).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BadStudy, match=r"study.json is damaged"):
        status(tmp_path)


def test_a_received_folder_cannot_allow_code(tmp_path):
    record = {**STUDY.record, "options": {"trust_remote_code": True}}
    (tmp_path / FILE).write_text(json.dumps(record))
    with pytest.raises(BadStudy, match="no file can set"):
        plan_in(tmp_path)


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", ".."])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    record = {**STUDY.record, "analyses": [{"run": "toy", "name": name}]}
    (tmp_path / FILE).write_text(json.dumps(record))
    with pytest.raises(BadStudy, match="names a folder"):
        status(tmp_path)
