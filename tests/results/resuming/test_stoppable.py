"""A stoppable loop against a plain one: its steps, its bar, and what is raised when it is stopped."""

import numpy as np
import pytest

from workbench.errors import Interrupted
from workbench.results.resuming import progress
from workbench.results.resuming.progress import storing_progress
from workbench.results.resuming.stoppable import Stoppable

STEPS = ["a", "bb", "cccc"]


def lengths(stop_at=None):
    """The lengths of all steps, up to one of them, and what the bar showed."""
    found = np.zeros(len(STEPS))
    with Stoppable("lengths", 7, "letter", lambda: f"{np.count_nonzero(found)} finished", progress=False) as loop:
        shown = loop.bar.update = Count()
        for step in loop.steps(STEPS, {"found": found}):
            if step == stop_at:
                raise KeyboardInterrupt
            found[STEPS.index(step)] = len(step)
    return loop, found, shown.total


class Count:
    def __init__(self):
        self.total = 0

    def __call__(self, size):
        self.total += size


def test_a_loop_gives_its_steps_and_its_result():
    loop, found, shown = lengths()
    assert (found.tolist(), shown, loop.stopped) == ([1, 2, 4], 7, "")
    assert loop.result(found) is found


def test_a_stopped_loop_raises_what_is_finished():
    loop, found, shown = lengths(stop_at="cccc")
    assert shown == 3
    with pytest.raises(Interrupted, match="2 finished") as caught:
        loop.result(found)
    assert caught.value.partial.tolist() == [1, 2, 0]


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), Stoppable("", 1, "", str, progress=False):
        raise ZeroDivisionError


def test_a_loop_that_begins_again_skips_what_is_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_LEAST", 0.0)
    monkeypatch.setattr(progress, "_SHARE", float("inf"))
    with storing_progress(tmp_path / "file", "key"):
        assert lengths(stop_at="cccc")[0].stopped
    with storing_progress(tmp_path / "file", "key"):
        _, found, shown = lengths()
    assert (found.tolist(), shown) == ([1, 2, 4], 7)
