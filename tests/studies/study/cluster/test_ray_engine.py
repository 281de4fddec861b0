"""Studies on a Ray cluster of several machines on this one: workers, a machine and a driver die in the middle."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

import workbench as wb
from workbench.errors import BadArgument, FailedJobs, MissingExtra
from workbench.results.files import load_result
from workbench.results.make import provenance
from workbench.studies.study.cluster import ray_engine

pytestmark = pytest.mark.cluster  # it starts many processes
ROOT = Path(__file__).parents[4]
ABOUT = {
    "question": "What is the same on a cluster?",
    "models": ["polyglot"],
    "analyses": [{"run": "neurons"}, {"run": "heads", "ablation_texts": 1}],
    "languages": ["de", "en", "fr"],
    "limit": 6,
    "options": {"memory": 10**8, "batch_size": 2},
}
STUDY = wb.Study(**ABOUT)
DRIVER = """
import json, sys, workbench as wb
wb.Study(**json.loads(sys.argv[1])).run(sys.argv[2], engine="ray", address=sys.argv[3])
"""
SYSTEM = ("raylet", "gcs_server", "ray::", "ray-")  # processes of Ray


def processes():
    """Ray's processes that this one started."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if any(word in " ".join(one.cmdline()[:1]) for word in SYSTEM)]


@pytest.fixture(scope="module")
def machines():
    """A cluster of two machines of one core each; one of them holds the cluster together."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        }.items():
            patch.setenv(name, value)
        small = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **small})
        try:
            cluster.add_node(num_cpus=1, **small)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
    end = time.monotonic() + 20
    while processes() and time.monotonic() < end:
        time.sleep(0.1)
    assert not processes()


@pytest.fixture
def connected(machines):
    ray.init(address=machines.address, logging_level="error", log_to_driver=False)
    yield machines
    ray.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return STUDY.run(tmp_path_factory.mktemp("local"), progress=False)


def same(folder, other):
    """Every variable of every result, bit for bit."""
    files = sorted(path.relative_to(other) for path in other.rglob("*.nc"))
    assert files == sorted(path.relative_to(folder) for path in folder.rglob("*.nc"))
    for file in files:
        actual, right = load_result(folder / file), load_result(other / file)
        assert set(actual.variables) == set(right.variables)
        for name in right.variables:
            values, expected = actual[name].values, right[name].values
            assert (values.dtype, values.shape) == (expected.dtype, expected.shape), (file, name)
            same_bits = values.tolist() == expected.tolist() if values.dtype == object else values.tobytes()
            assert same_bits is True or same_bits == expected.tobytes(), (file, name)
    assert len(files) >= 6
    assert not [*folder.rglob("parts")]


def computing(folder, below=""):
    """Process that is in the middle of a cell: some of its batches are stored."""
    for progress in (folder / below).rglob(".*.progress"):
        with suppress(OSError, ValueError):
            process = psutil.Process(json.loads((progress.parent / ".lock").read_text())["process"])
            if process.name().startswith("ray"):
                return process
    return None


def wait_for(folder, below="", *, besides=()):
    """The next process in the middle of a cell, but for some."""
    while True:
        with suppress(psutil.Error):
            if (process := computing(folder, below)) and process.pid not in besides:
                return process
        time.sleep(0.002)


def killing(folder, number, below="", *, cluster=None, machine=None):
    """Kill so many workers, one after another, then a machine that computes; returns the pids of the killed."""
    killed = []

    def kill():
        for _ in range(number):
            process = wait_for(folder, below, besides=killed)
            killed.append(process.pid)
            os.kill(process.pid, signal.SIGKILL)
        if machine is not None:
            parent = machine.all_processes["raylet"][0].process.pid
            while wait_for(folder, below, besides=killed).ppid() != parent:
                time.sleep(0.002)
            cluster.remove_node(machine, allow_graceful=False)
            killed.append(parent)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return killed


def test_a_run_with_killed_workers_and_a_lost_machine_equals_the_local_one(connected, local, tmp_path):
    (other,) = connected.worker_nodes
    killed = killing(tmp_path, 2, cluster=connected, machine=other)
    with pytest.warns(match="its worker died .*another one goes on from its last finished batch"):
        STUDY.run(tmp_path, engine="ray", progress=False)
    assert len(killed) == 3 and not connected.worker_nodes
    same(tmp_path, local)
    firing = load_result(tmp_path / "polyglot" / "neurons" / "firing.nc")
    assert len(provenance(firing)["parameters"]["parts"]) == 3  # a language each


def test_a_killed_driver_is_continued(connected, local, tmp_path):
    words = [sys.executable, "-c", DRIVER, json.dumps(ABOUT), str(tmp_path), connected.address]
    driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    wait_for(tmp_path)
    driver.kill()
    driver.wait()
    assert not (tmp_path / "polyglot" / "heads" / "job.json").exists()
    STUDY.run(tmp_path, engine="ray", progress=False)
    same(tmp_path, local)


def test_a_job_that_kills_its_workers_fails_and_the_others_go_on(connected, local, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "TRIES", 2)
    killing(tmp_path, 2, "polyglot/heads")
    with pytest.raises(FailedJobs, match="polyglot/heads: 2 workers died of it"), pytest.warns(match="its worker died"):
        STUDY.run(tmp_path, engine="ray", progress=False)
    assert (tmp_path / "polyglot" / "neurons" / "job.json").is_file()


def test_engines_that_are_not_there_are_named(monkeypatch, tmp_path):
    with pytest.raises(BadArgument, match="local, ray"):
        STUDY.run(tmp_path, engine="dask")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"babel-workbench\[ray\]"):
        STUDY.run(tmp_path, engine="ray")
