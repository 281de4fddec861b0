"""Loops that go on where they were stopped: every kind of state, nested loops, other steps, broken files."""

import sqlite3
import time
from contextlib import suppress

import numpy as np
import pytest
import torch

from workbench.results.resuming import progress
from workbench.results.resuming.progress import resumed, storing_progress


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def every_step_is_stored(monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))


def work(state, steps, stop=None, ran=None):
    """A loop that changes every kind of state; it ends in the middle of a step where it is told to."""
    for step in resumed(steps, state):
        if ran is not None:
            ran.append(step)
        state["sums"] += state["numpy"].normal(size=3)
        state["tensor"] += torch.rand(2, generator=state["torch"])
        if step == stop:
            raise Stop
        state["half"] += 0.5
        state["list"].append(state["numpy"].integers(0, 9, 4))
        state["list"] += [f"text {step}", step]
        state["list"].append(np.array([["a\0", "ü"]], dtype=object))


def fresh():
    return {
        "sums": np.zeros(3),
        "tensor": torch.zeros(2),
        "half": torch.zeros((), dtype=torch.bfloat16),
        "numpy": np.random.default_rng(1),
        "torch": torch.Generator().manual_seed(1),
        "list": [],
    }


def same(one, other):
    assert np.array_equal(one["sums"], other["sums"])
    assert torch.equal(one["tensor"], other["tensor"]) and torch.equal(one["half"], other["half"])
    assert len(one["list"]) == len(other["list"])
    for mine, yours in zip(one["list"], other["list"], strict=True):
        assert np.array_equal(np.asarray(mine), np.asarray(yours)) and type(mine) is type(yours)
    assert one["numpy"].normal() == other["numpy"].normal()
    assert torch.equal(torch.rand(1, generator=one["torch"]), torch.rand(1, generator=other["torch"]))


@pytest.mark.parametrize("stop", range(5))
def test_a_stopped_loop_ends_as_if_it_had_not_been_stopped(tmp_path, stop):
    whole = fresh()
    work(whole, range(5))
    with suppress(Stop), storing_progress(tmp_path / "file", "key"):
        work(fresh(), range(5), stop=stop)
    state, ran = fresh(), []
    with storing_progress(tmp_path / "file", "key"):
        work(state, range(5), ran=ran)
    assert ran == list(range(stop, 5))
    same(state, whole)


def test_outside_a_run_it_is_an_ordinary_loop():
    state, whole = fresh(), fresh()
    work(state, range(5))
    work(whole, iter(range(5)))
    same(state, whole)


@pytest.mark.parametrize("change", ["key", "steps", "state", "shape"])
def test_what_another_computation_stored_is_not_taken(tmp_path, change):
    with suppress(Stop), storing_progress(tmp_path / "file", "key"):
        work(fresh(), range(5), stop=3)
    steps = [1, 0, 2, 3, 4] if change == "steps" else range(5)
    state, whole, ran = fresh(), fresh(), []
    for one in (state, whole):
        if change == "state":
            one["more"] = np.zeros(1)
        if change == "shape":
            one["sums"] = np.zeros((2, 3))
    work(whole, steps)
    with storing_progress(tmp_path / "file", "other" if change == "key" else "key"):
        work(state, steps, ran=ran)
    assert ran == list(steps)
    same(state, whole)


def nested(values, stop=None, ran=None):
    for i in resumed(range(3), {"values": values}):
        for _ in range(2):
            for j in resumed(range(4), {"values": values}):
                if ran is not None:
                    ran.append((i, j))
                values[i, j] += 10 * i + j
                if (i, j) == stop and values[i, j] == 2 * (10 * i + j):
                    raise Stop


@pytest.mark.parametrize("stop", [(0, 1), (1, 0), (2, 3)])
def test_loops_within_loops(tmp_path, stop):
    with suppress(Stop), storing_progress(tmp_path / "file", "key"):
        nested(np.zeros((3, 4)), stop=stop)
    values, whole, ran = np.zeros((3, 4)), np.zeros((3, 4)), []
    nested(whole)
    with storing_progress(tmp_path / "file", "key"):
        nested(values, ran=ran)
    assert np.array_equal(values, whole)
    assert ran[0] == stop and len(ran) < 24


def test_a_loop_that_is_left_early(tmp_path):
    with storing_progress(tmp_path / "file", "key") as kept:
        for step in resumed(range(9), {}):
            if step == 2:
                break
        assert len(kept.levels) == 1
        assert list(resumed(range(2), {})) == [0, 1]


def test_a_stream_is_made_anew_and_not_listed(tmp_path):
    made = []

    def stream():
        made.append(0)
        yield from range(4)

    with storing_progress(tmp_path / "file", "key"):
        assert list(resumed(stream, {})) == [0, 1, 2, 3]
    skipped = []
    with storing_progress(tmp_path / "file", "key"):
        assert list(resumed(stream, {}, skip=skipped.append)) == []
    assert skipped == [0, 1, 2, 3]


def test_steps_that_are_quick_are_not_stored_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 60.0)
    with storing_progress(tmp_path / "file", "key"):
        assert list(resumed(range(100), {})) == list(range(100))
    assert not (tmp_path / "file").exists()


def test_storing_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_SHARE", 0.02)
    stored = []
    monkeypatch.setattr(progress.Progress, "store", lambda self, *_: (stored.append(0), setattr(self, "cost", 0.001)))
    with storing_progress(tmp_path / "file", "key"):
        for _ in resumed(range(20), {}):
            time.sleep(0.01)  # a millisecond is stored at most every 50
    assert len(stored) <= 5


@pytest.mark.parametrize("harm", ["flip", "cut", "text", "row"])
def test_a_broken_file_is_computed_again(tmp_path, harm):
    path = tmp_path / "file"
    with suppress(Stop), storing_progress(path, "key"):
        work(fresh(), range(5), stop=3)
    content = path.read_bytes()
    if harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "text":
        path.write_bytes(b"no database")
    elif harm == "flip":
        place = content.index(b"NUMPY")
        path.write_bytes(content[: place + 200] + bytes([content[place + 200] ^ 1]) + content[place + 201 :])
    else:
        with sqlite3.connect(path) as file:
            file.execute("UPDATE loops SET done = 4")
    state, whole = fresh(), fresh()
    work(whole, range(5))
    with storing_progress(path, "key"):
        work(state, range(5))
    same(state, whole)


@pytest.mark.parametrize(
    "edit",
    [
        "done = -1",
        "done = 9e999",
        "done = 'x'",
        "done = NULL",
        "state = NULL",
        "state = 'abc'",
        "seal = NULL",
        "steps = x'00'",
    ],
)
def test_an_edited_row_is_computed_again(tmp_path, edit):
    path = tmp_path / "file"
    with suppress(Stop), storing_progress(path, "key"):
        work(fresh(), range(5), stop=3)
    with sqlite3.connect(path) as file:
        file.execute(f"UPDATE loops SET {edit}")
    state, whole = fresh(), fresh()
    work(whole, range(5))
    with storing_progress(path, "key"):
        work(state, range(5))
    same(state, whole)
