"""The exact lambda against every crossing of two scores, and against the bisection."""

import math

import numpy as np
import pytest

from tests.neurons.tables import by_hand, planted, random
from tests.oracles import neurons as oracle
from workbench.neurons.classes.exact_lambda import exact_lambda
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.classes.weight_lambda import STEP


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_last_crossing_that_leaves_general_neurons_out(seed):
    firing = random(seed, 2 + seed % 4, 2, 25)
    top_rate, bar = (0.1, 0.9) if seed % 2 else (0.3, 0.7)
    p = oracle.rates(firing.fired.values.tolist(), firing.tokens.values.tolist())
    wanted = oracle.exact_lambda(p, top_rate, bar)
    languages, factor = len(firing.tokens), oracle.conversion(len(firing.tokens)) / math.log(len(firing.tokens))
    tau = oracle.percentile(p, bar)
    found = exact_lambda(
        np.array([oracle.entropy(row) / math.log(languages) for row in p.values()]),
        np.array([max(row) * factor for row in p.values()]),
        np.array([all(value > tau for value in row) for row in p.values()]),
        round(len(p) * top_rate),
    )
    if wanted is None:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(wanted, abs=1e-9)


def test_both_outcomes_of_the_comparison_occur():
    """The tables above have lambdas inside the range, at its end and none: else they would test little."""
    outcomes = set()
    for seed in range(12):
        firing = random(seed, 2 + seed % 4, 2, 25)
        p = oracle.rates(firing.fired.values.tolist(), firing.tokens.values.tolist())
        lam = oracle.exact_lambda(p, *((0.1, 0.9) if seed % 2 else (0.3, 0.7)))
        outcomes.add("none" if lam is None else "end" if lam == 0.2 else "inside")
    assert {"inside", "end"} <= outcomes


@pytest.mark.parametrize("seed", range(4))
def test_the_bisection_ends_just_below_it(seed):
    attrs = ternary(random(seed, 4, 2, 150), top_rate=0.1, bar=0.9).attrs
    if attrs["monotone"]:
        assert 0 <= attrs["lam_exact"] - attrs["lam_released"] <= STEP


def test_no_general_neuron_and_a_given_lambda():
    assert ternary(planted()[0], top_rate=15 / 400, bar=1 - 105 / 4000).attrs["lam_exact"] == 0.2
    assert math.isnan(ternary(by_hand(), top_rate=0.5, bar=0.5, lam=0.1).attrs["lam_exact"])


def test_an_interval_that_begins_above_zero():
    # the general neuron (0.5, 1) lies lowest at first; (0.55, 2) passes below it at 0.05 and stays there
    general = np.array([True, False, False])
    assert exact_lambda(np.array([0.5, 0.55, 0.9]), np.array([1.0, 2.0, 0.1]), general, 1) == 0.2
    # two are to be selected: the third never is below
    assert math.isnan(exact_lambda(np.array([0.5, 0.55, 0.9]), np.array([1.0, 2.0, 0.1]), general, 2))
    # and one that is below only until the general one passes at (0.5 - 0.45) / 0.5 = 0.1
    assert exact_lambda(np.array([0.5, 0.45]), np.array([1.0, 0.5]), np.array([True, False]), 1) == pytest.approx(0.1)
