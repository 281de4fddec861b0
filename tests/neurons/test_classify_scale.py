"""The size of a real model: 10 languages x 32 x 14,336 neurons with prefix counts."""

import time
import tracemalloc

import pytest

from tests.neurons.tables import counts, random
from workbench.neurons.lape import lape
from workbench.neurons.ternary import ternary


@pytest.fixture(scope="module")
def large():
    response, before = random(0, 10, 32, 14_336, tokens=10_000), random(1, 10, 32, 14_336, tokens=1_000)
    full = response + before
    return counts(full.fired, full.tokens, before.fired, before.tokens)


@pytest.mark.parametrize(
    ("work", "seconds", "gigabytes"),
    [
        (lambda firing: ternary(firing, lam=0.04), 5, 2),
        (lambda firing: ternary(firing), 15, 3),
        (lambda firing: lape(firing), 5, 2),
    ],
    ids=["one lambda", "automatic lambda", "lape"],
)
def test_within_time_and_memory(large, work, seconds, gigabytes):
    held = sum(variable.nbytes for variable in large.data_vars.values())
    tracemalloc.start()
    start = time.perf_counter()
    found = work(large)
    took = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.member.shape == (10, 32, 14_336)
    assert took < seconds
    assert held + peak < gigabytes * 1e9
