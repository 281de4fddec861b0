"""`benchmarks/contention.py`: the table is right, and what it starts it ends; no timing."""

import importlib
import os

import pytest


@pytest.fixture
def contention():
    return importlib.import_module("contention")


def test_the_worst_ratio_is_against_the_best_of_each_column(contention):
    found = {
        "default": {("sweep", 0): [1.0, 1.0, 9.0], ("sweep", 1): [8.0]},
        "OMP_NUM_THREADS=1": {("sweep", 0): [2.0], ("sweep", 1): [2.0]},
    }
    said = contention.lines(found)
    assert said[0] == "| setting | sweep, quiet | sweep, 1 busy | worst ratio to the best |"
    assert said[2] == "| default | 1.000 (9.000) | 8.000 (8.000) | 4.00 |"
    assert said[3] == "| OMP_NUM_THREADS=1 | 2.000 (2.000) | 2.000 (2.000) | 2.00 |"


def test_busy_processes_end_even_after_an_error(contention, monkeypatch):
    started, popen = [], contention.subprocess.Popen

    def start(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(contention.subprocess, "Popen", start)
    with pytest.raises(ZeroDivisionError), contention.loaded(2):
        raise ZeroDivisionError
    assert len(started) == 2
    assert all(one.poll() is not None for one in started)


def test_a_setting_reaches_its_process_alone(contention, monkeypatch):
    seen = []
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setattr(contention.subprocess, "Popen", lambda *args, env, **kwargs: seen.append(env))
    for setting in contention.SETTINGS.values():
        contention.Worker("polyglot", setting, True)
    assert [env.get("OMP_NUM_THREADS") for env in seen] == [None, None, None, "1"]
    assert [env.get("OMP_WAIT_POLICY") for env in seen] == [None, "PASSIVE", None, None]
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_worker_runs_its_jobs(contention):
    names = {"importance", "ablation", "sweep"}
    (found,) = contention.measure("polyglot", ["OMP_NUM_THREADS=1"], [0], 1, quick=True).values()
    assert {job for job, _ in found} == names
    assert all(len(runs) == 1 and runs[0] > 0 for runs in found.values())
