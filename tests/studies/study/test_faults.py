"""What a study survives: kills at any moment, two processes, a full or read-only disk, a clock that jumps."""

import errno
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.studies.study.toy import plan, run_toy
from tests.studies.study.toy import toys as _toys
from workbench.errors import CannotWrite
from workbench.results.files import load_result
from workbench.studies.study import run
from workbench.studies.study.folder import status
from workbench.studies.study.run import run_jobs

pytestmark = pytest.mark.usefixtures("toys")
toys = _toys
STUDY = plan(seeds=[0])
KILLS = 50


def child(folder):
    """Run the study in a fork; its process number."""
    number = os.fork()
    if number:
        return number
    status = 1
    with suppress(BaseException):
        for stop in (signal.SIGINT, signal.SIGTERM):
            signal.signal(stop, signal.default_int_handler if stop == signal.SIGINT else signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        status = bool(run_jobs(STUDY, folder, progress=False))
    os._exit(status)


def results(folder):
    """Every result's numbers, by its path."""
    return {
        path.relative_to(folder).as_posix(): load_result(path).total.values for path in sorted(folder.rglob("*.nc"))
    }


def assert_whole(folder, expected):
    found = results(folder)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    left = [path.name for path in folder.rglob(".*") if path.is_file()]
    assert left == []
    assert (status(folder).state == "finished").all()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The results of a run that nothing disturbed, and how long it took."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("jobs", "run"):
            patch.setattr(f"workbench.studies.study.{module}.function_of", lambda _: run_toy)
        start = time.monotonic()
        run_jobs(STUDY, folder, progress=False)
    return results(folder), time.monotonic() - start


def test_fifty_kills_change_no_bit(tmp_path, expected):
    """Each run is killed at a random moment, most of them more than once, until it comes to its end."""
    whole, took = expected
    random, kills, runs = np.random.default_rng(0), 0, 0
    while kills < KILLS:
        folder = tmp_path / str(runs)
        runs += 1
        for _ in range(4):
            process = child(folder)
            time.sleep(random.uniform(0, took))
            os.kill(process, [signal.SIGKILL, signal.SIGTERM][kills % 2])
            kills += os.waitpid(process, 0)[1] != 0
        assert run_jobs(STUDY, folder, progress=False) == {}
        assert_whole(folder, whole)


def test_two_processes_divide_a_study(tmp_path, expected):
    whole, _ = expected
    processes = [child(tmp_path / "run") for _ in range(2)]
    assert [os.waitpid(process, 0)[1] for process in processes] == [0, 0]
    assert_whole(tmp_path / "run", whole)


def test_ctrl_c_changes_no_bit(tmp_path, expected):
    whole, took = expected
    process = child(tmp_path / "run")
    time.sleep(took / 4)
    os.kill(process, signal.SIGINT)
    os.waitpid(process, 0)
    assert run_jobs(STUDY, tmp_path / "run", progress=False) == {}
    assert_whole(tmp_path / "run", whole)


def test_a_place_that_is_no_folder_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.write_text("a file")
    monkeypatch.setattr(run, "run_job", lambda *_, **__: pytest.fail("something was computed"))
    with pytest.raises(CannotWrite):
        run_jobs(STUDY, folder, progress=False)


def test_a_full_disk_fails_by_name_and_goes_on_later(tmp_path, expected):
    whole, _ = expected
    real = os.fsync

    def full(file):
        name = str(Path(f"/proc/self/fd/{file}").readlink())
        if "/other/" in name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        failed = run_jobs(STUDY, tmp_path, progress=False)
    assert "No space left" in failed["other"]
    assert list(failed) == ["other"]
    assert status(tmp_path).loc["other", "state"] == "failed"
    assert run_jobs(STUDY, tmp_path, progress=False) == {}
    assert_whole(tmp_path, whole)


def test_a_clock_that_goes_back_changes_nothing(tmp_path, expected):
    whole, _ = expected
    now = iter(range(10**9, 0, -3600))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: float(next(now)))
        assert run_jobs(STUDY, tmp_path, progress=False) == {}
    assert all(np.array_equal(results(tmp_path)[name], whole[name]) for name in whole)


def test_a_damaged_record_is_no_finished_job(tmp_path, expected):
    whole, _ = expected
    run_jobs(STUDY, tmp_path, progress=False)
    for text in ("", "[]", '{"key": 3}', "\0"):
        (tmp_path / "toy" / run.RECORD).write_text(text)
        assert status(tmp_path).loc["toy", "state"] == "stopped"
        assert run_jobs(STUDY, tmp_path, progress=False) == {}
        assert json.loads((tmp_path / "toy" / run.RECORD).read_text())["run"] == "toy"
    assert_whole(tmp_path, whole)
