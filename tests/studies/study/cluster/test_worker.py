"""What a worker takes of its machine, how many have place, and what it answers."""

import pytest

from tests.studies.study.toy import plan, sums
from tests.studies.study.toy import toys as _toys
from workbench.errors import CannotWrite
from workbench.options import Options
from workbench.results.files import load_result
from workbench.results.resuming.lock import locked
from workbench.studies.study.cluster import worker
from workbench.studies.study.cluster.worker import Worker, demands, places
from workbench.studies.study.jobs import jobs_of

toys = _toys
CPUS = [{"Resources": {"CPU": 4.0, "memory": 1e9}}, {"Resources": {"CPU": 2.0, "memory": 1e10}}]
GPUS = [*CPUS, {"Resources": {"CPU": 16.0, "GPU": 8.0, "memory": 1e12}}]
WEIGHTS = 100


@pytest.mark.parametrize(
    ("options", "nodes", "needs"),
    [
        ({}, CPUS, {"CPU": 1}),
        ({}, GPUS, {"CPU": 1, "GPU": 1}),
        ({"device": "cpu"}, GPUS, {"CPU": 1}),
        ({"device": "cuda"}, CPUS, {"CPU": 1, "GPU": 1}),
        ({"device_map": "auto"}, GPUS, {"CPU": 1, "GPU": 8}),
        ({"device_map": "auto"}, CPUS, {"CPU": 1}),
    ],
)
def test_what_a_worker_takes(options, nodes, needs, monkeypatch):
    monkeypatch.setattr(worker, "weights_in_memory", lambda name, dtype: WEIGHTS)
    assert demands("a model", Options(**options), nodes) == {**needs, "memory": WEIGHTS}
    for seven in (7000, "7KB"):
        assert demands("a model", Options(**options, memory=seven), nodes) == {**needs, "memory": WEIGHTS + 7000}
    assert demands("", Options(**options), nodes) == needs


def test_the_memory_of_the_weights_is_that_of_their_type():
    full = demands("polyglot", Options(device="cpu"), CPUS)["memory"]
    assert demands("polyglot", Options(device="cpu", dtype="bfloat16"), CPUS)["memory"] == full // 2
    assert 1e6 < full < 1e9
    assert demands("owner/not-on-this-machine", Options(device="cpu"), CPUS) == {"CPU": 1}
    assert demands("./no-folder", Options(device="cpu"), CPUS) == {"CPU": 1}


def test_how_many_workers_have_place():
    assert places({"CPU": 1}, CPUS) == 6
    assert places({"CPU": 1, "memory": 4e8}, CPUS) == 4
    assert places({"CPU": 1, "GPU": 1}, GPUS) == 8
    assert places({"CPU": 1, "GPU": 8}, GPUS) == 1
    assert places({"CPU": 1, "GPU": 1}, CPUS) == 0


@pytest.mark.usefixtures("toys")
def test_what_a_worker_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "WAIT", 0)
    first, other = jobs_of(plan(seeds=[0]))
    one = Worker(tmp_path, tmp_path)
    with locked(tmp_path / first.folder):
        state, what = one.run(first, divide=True)
    assert state == "busy" and "another run is writing" in what
    assert one.run(first, divide=True) == ("done", None) == one.run(other)
    assert load_result(tmp_path / other.folder / "first.nc").total.equals(sums(2.0, 0).total)
    monkeypatch.setattr(worker, "run_job", lambda *given, **named: worker.weights_in_memory("./no-folder"))
    assert one.run(first) == (
        "failed",
        "'./no-folder' is not a GGUF file, and not a folder; a model folder holds "
        "config.json, safetensors and a tokenizer",
    )
    with pytest.raises(CannotWrite, match="choose a folder that all machines of the cluster share"):
        Worker(tmp_path / "elsewhere", tmp_path).ready()
