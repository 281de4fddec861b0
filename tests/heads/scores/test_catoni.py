"""Catoni's interval: its ends against a plain loop, and how often it misses, where large values are rare too."""

import math

import numpy as np
import pytest

from workbench.heads.scores.catoni import _BETS, catoni


def capital(values, samples, mean, variance, sign):
    """What the bets against this mean have become, one value at a time."""
    total = 0.0
    for bet in _BETS / math.sqrt(variance):
        left, worth = samples, 1.0
        rest = samples * mean
        for value in values:
            y = sign * bet * (value - rest / left)
            phi = math.log(1 + abs(y) + y * y / 2)
            worth *= math.exp(math.copysign(phi, y) - bet * bet * variance / 2)
            rest, left = rest - value, left - 1
        total += worth / len(_BETS)
    return total


@pytest.mark.parametrize("seen", [2, 8, 30])
def test_the_ends_are_where_the_bets_win(seen):
    values = np.random.default_rng(seen).normal(size=(3, seen)) * np.array([[1.0], [0.1], [5.0]]) + 2
    variance, wanted = np.array([1.0, 0.01, 25.0]), math.log(2 / 0.01)
    low, high = catoni(values, 40, variance, wanted)
    for row, one in enumerate(values):
        for end, sign in ((low[row], 1), (high[row], -1)):
            inside = end + sign * 0.02 * abs(one.mean() - end)
            assert math.log(capital(one, 40, end, variance[row], sign)) >= wanted
            assert math.log(capital(one, 40, inside, variance[row], sign)) < wanted


def test_values_that_do_not_vary_are_their_mean():
    low, high = catoni(np.full((1, 5), 3.0), 20, np.zeros(1), 5.0)
    assert low == high == 3.0


@pytest.mark.parametrize("kind", ["normal", "rare"])
def test_it_misses_no_more_often_than_stated_at_any_time(kind):
    """With the true variance, at five looks each; `rare`: one value of a hundred is ten deviations off."""
    generator, samples, cells, risk = np.random.default_rng(0), 200, 400, 0.1
    values = generator.normal(size=(cells, samples))
    if kind == "rare":
        values = generator.permuted(np.tile(np.arange(samples) < 2, (cells, 1)), axis=1).astype(float)
    missed = np.zeros(cells, bool)
    for seen in (4, 8, 20, 60, 150):
        low, high = catoni(values[:, :seen], samples, values.var(1), math.log(2 / risk))
        missed |= (low > values.mean(1)) | (high < values.mean(1))
    assert missed.mean() <= risk
    assert (high - low).mean() < 1.0 * values.std(1).mean(), "after 150 of 200 the interval is narrow"
