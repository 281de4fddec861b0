"""The size of a real model: 10 languages x 32 x 14,336 neurons with prefix counts."""

import tracemalloc

import pytest

from tests.neurons.tables import counts, random
from workbench.neurons.classes.lape import lape
from workbench.neurons.classes.ternary import ternary


@pytest.fixture(scope="module")
def large():
    response, before = random(0, 10, 32, 14_336, tokens=10_000), random(1, 10, 32, 14_336, tokens=1_000)
    full = response + before
    return counts(full.fired, full.tokens, before.fired, before.tokens)


@pytest.mark.parametrize(
    ("work", "gigabytes"),
    [
        (lambda firing: ternary(firing, lam=0.04), 2),
        (lambda firing: ternary(firing), 3),
        (lambda firing: lape(firing), 2),
    ],
    ids=["one lambda", "automatic lambda", "lape"],
)
def test_within_memory(large, work, gigabytes):
    held = sum(variable.nbytes for variable in large.data_vars.values())
    tracemalloc.start()
    found = work(large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.member.shape == (10, 32, 14_336)
    assert held + peak < gigabytes * 1e9
