"""`benchmarks/reliability.py`: it counts what is lost, and does not take a loss for a survival."""

import importlib

import numpy as np
import pytest

from workbench.errors import BadResult
from workbench.results.files import save_result
from workbench.results.make import make_result


@pytest.fixture
def reliability(monkeypatch):
    monkeypatch.syspath_prepend(".")
    return importlib.import_module("reliability")


@pytest.fixture
def files(tmp_path):
    result = make_result({"x": (("layer",), np.arange(9.0), "x")}, {}, method="test", parameters={})
    return [save_result(result, tmp_path / "a.nc")]


def test_only_our_errors_and_right_results_survive(reliability):
    def fails(error):
        def read():
            raise error

        return read

    assert reliability.refused(fails(BadResult("no")))
    assert not reliability.refused(fails(KeyError("x")))
    assert not reliability.refused(lambda: "read")
    assert reliability.refused(lambda: "read", right=lambda found: found == "read")


def test_a_reader_that_believes_everything_loses(reliability, files, monkeypatch):
    assert reliability.flipped(files, 20, np.random.default_rng(0)) == (20, 20)
    assert reliability.cut(files, 5, np.random.default_rng(0)) == (5, 5)
    monkeypatch.setattr("workbench.results.files.changed", lambda stored, now: [])
    tried, survived = reliability.flipped(files, 200, np.random.default_rng(0))
    assert survived < tried


def test_a_fork_is_bounded(reliability):
    assert reliability.within_limits(lambda: True)
    assert not reliability.within_limits(lambda: False)
    assert not reliability.within_limits(lambda: bool(np.zeros(10**10, dtype=np.uint8).any() + 1))


def test_a_change_that_is_missed_is_seen(reliability, tmp_path):
    changes = importlib.import_module("benchmarks.reliability_changes")
    assert not changes.computed_anew(tmp_path, {"a": 1}, {"a": 1})
    assert changes.computed_anew(tmp_path, {"a": 1}, {"a": 2})
