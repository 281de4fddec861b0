"""A study's run: what is there is not computed again, what fails is named, and memory that runs out is halved."""

import json
from datetime import date

import pytest
import torch

from tests.studies.study.toy import plan, run_toy, sums
from tests.studies.study.toy import toys as _toys
from workbench.errors import Busy, TooLarge, WorkbenchWarning
from workbench.results.files import load_result
from workbench.studies.options import Options
from workbench.studies.study import run
from workbench.studies.study.folder import status
from workbench.studies.study.jobs import jobs_of
from workbench.studies.study.run import RECORD, run_jobs

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys


def files(folder):
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*.nc")}


def test_every_job_runs_once_and_not_again(tmp_path):
    assert run_jobs(plan(), tmp_path, progress=False) == {}
    assert sorted(files(tmp_path)) == sorted(
        f"seed-{seed}/{name}/{cell}.nc" for seed in (0, 1) for name in ("toy", "other") for cell in ("first", "second")
    )
    expected = sums(1.0, 1)
    assert load_result(tmp_path / "seed-1/toy/first.nc").total.equals(expected.total)
    before = files(tmp_path), (tmp_path / "seed-0/toy/report.html").stat().st_mtime_ns
    assert run_jobs(plan(), tmp_path, progress=False) == {}
    assert (files(tmp_path), (tmp_path / "seed-0/toy/report.html").stat().st_mtime_ns) == before


def test_a_changed_job_is_computed_again_and_the_other_is_not(tmp_path):
    run_jobs(plan(), tmp_path, progress=False)
    before = files(tmp_path)
    changed = plan(analyses=[{"run": "toy"}, {"run": "toy", "name": "other", "by": 3.0, "of": "@toy/first"}])
    with pytest.warns(WorkbenchWarning, match="computed from something else"):
        run_jobs(changed, tmp_path, progress=False)
    after = files(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {
        f"seed-{seed}/other/{cell}.nc" for seed in (0, 1) for cell in ("first", "second")
    }


def test_a_damaged_result_is_moved_aside_and_computed_again(tmp_path):
    run_jobs(plan(), tmp_path, progress=False)
    path = tmp_path / "seed-0/toy/first.nc"
    whole = load_result(path)
    content = path.read_bytes()[:-200]
    path.write_bytes(content)
    with pytest.warns(WorkbenchWarning, match="computed again"):
        assert run_jobs(plan(), tmp_path, progress=False) == {}
    assert load_result(path).total.equals(whole.total)
    (aside,) = path.parent.glob("others/first-damaged-*.nc")
    assert aside.read_bytes() == content


def test_a_job_that_fails_stops_only_those_that_need_it(tmp_path, monkeypatch):
    def broken(*given, **named):
        if named["options"].seed == 1 and "of" not in named:
            raise TooLarge("one text does not fit")
        return run_toy(*given, **named)

    broken.build = run_toy.build
    monkeypatch.setattr(run, "function_of", lambda _: broken)
    failed = run_jobs(plan(), tmp_path, progress=False)
    assert failed == {
        "seed-1/toy": "one text does not fit",
        "seed-1/other": "it needs seed-1/toy, which failed",
    }
    assert json.loads((tmp_path / "failed.json").read_text()) == failed
    assert (tmp_path / "seed-0/other" / RECORD).is_file()


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_job_without_memory_goes_on_with_half_of_it(tmp_path, monkeypatch, error):
    sizes = []

    def greedy(*given, **named):
        sizes.append((named["options"].batch_size, named["options"].memory))
        if len(sizes) < 3:
            raise error
        return run_toy(*given, **named)

    greedy.build = run_toy.build
    monkeypatch.setattr(run, "function_of", lambda _: greedy)
    study = plan(seeds=[0], analyses=[{"run": "toy"}], options={"memory": "1GB"})
    with pytest.warns(WorkbenchWarning, match="memory ran out"):
        assert run_jobs(study, tmp_path, progress=False) == {}
    assert sizes == [("auto", "1GB"), (16, 5 * 10**8), (8, 25 * 10**7)]


def test_memory_that_never_suffices_is_an_error(tmp_path, monkeypatch):
    def greedy(*given, **named):
        raise MemoryError

    greedy.build = run_toy.build
    monkeypatch.setattr(run, "function_of", lambda _: greedy)
    study = plan(seeds=[0], analyses=[{"run": "toy"}], options={"memory": "1GB", "batch_size": 2})
    with pytest.warns(WorkbenchWarning):
        failed = run_jobs(study, tmp_path, progress=False)
    assert "even for one text" in failed["toy"]


def test_other_errors_are_not_taken_for_memory(tmp_path, monkeypatch):
    def broken(*given, **named):
        raise RuntimeError("a shape is wrong")

    broken.build = run_toy.build
    monkeypatch.setattr(run, "function_of", lambda _: broken)
    with pytest.raises(RuntimeError, match="shape"):
        run_jobs(plan(), tmp_path, progress=False)


def test_a_record_names_what_a_job_was_given(tmp_path):
    run_jobs(plan(limit=3), tmp_path, progress=False)
    job = jobs_of(plan(limit=3))[1]
    record = json.loads((tmp_path / job.folder / RECORD).read_text())
    assert record["key"] == job.key
    assert record["arguments"] == {"limit": 3, "by": 2.0, "of": "@toy/first"}
    assert record["options"]["seed"] == Options().seed
    assert set(record["files"]) == {"first.nc", "second.nc"}


def test_a_job_waits_for_another_process_that_computes_what_it_reads(tmp_path, monkeypatch):
    """The first two looks at `toy` find it computed elsewhere: `other`, which reads its result, is not tried before."""
    tried, real = [], run.run_job

    def busy(job, *given, **named):
        tried.append(job.name)
        if tried.count("toy") < 3:
            raise Busy("another run is writing")
        return real(job, *given, **named)

    monkeypatch.setattr(run, "run_job", busy)
    monkeypatch.setattr(run, "WAIT", 0.01)
    assert run_jobs(plan(seeds=[0]), tmp_path, progress=False) == {}
    assert tried == ["toy", "toy", "toy", "other"]


def test_a_share_leaves_what_failed_in_another(tmp_path, monkeypatch):
    study = plan(analyses=[{"run": "toy"}])

    def broken(*given, **named):
        raise TooLarge("one text does not fit")

    broken.build = run_toy.build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "function_of", lambda _: broken)
        assert list(run_jobs(study, tmp_path, shard=(1, 2), progress=False)) == ["seed-0/toy"]
    assert run_jobs(study, tmp_path, shard=(2, 2), progress=False) == {}
    assert status(tmp_path).state.tolist() == ["failed", "finished"]
    assert run_jobs(study, tmp_path, progress=False) == {}
    assert json.loads((tmp_path / "failed.json").read_text()) == {}


def test_a_date_in_a_study_is_read_as_text():
    (job,) = jobs_of(plan(seeds=[0], analyses=[{"run": "toy", "of": date(2026, 11, 27)}]))
    assert len(job.key) == 64
