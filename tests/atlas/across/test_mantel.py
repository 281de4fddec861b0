"""The partial Mantel test against loops."""

import numpy as np
import pytest
from scipy import stats

from tests.oracles import across as oracle
from workbench.atlas.across.mantel import jackknife, partial_correlation, permuted_p, upper


def matrices(seed=0, count=8):
    """Three symmetric matrices, of which the first follows the other two."""
    generator = np.random.default_rng(seed)
    own = generator.normal(size=(3, count, count))
    own = own + own.transpose(0, 2, 1)
    own[0] += own[1] + 0.5 * own[2]
    return own


def test_correlation_against_residuals():
    own = matrices()
    value = float(partial_correlation(*map(upper, own)))
    assert value == pytest.approx(oracle.mantel(*own.tolist()))
    assert float(partial_correlation(upper(own[0]), upper(own[0]), upper(own[1]))) == pytest.approx(1)


def test_jackknife_against_a_loop():
    own = matrices()
    quantile = stats.t.ppf(0.975, 7)
    assert jackknife(*own, 0.95) == pytest.approx(oracle.jackknife(*own.tolist(), quantile))


def test_p_value_against_a_loop():
    for seed in range(3):
        own = matrices(seed)
        own[0] = own[0] - 0.7 * own[1]
        expected = oracle.mantel_p(*own.tolist(), 1500, seed)
        assert permuted_p(*own, 4000, seed) == pytest.approx(expected, abs=0.04)


def test_p_value_is_uniform_without_association():
    values = []
    for seed in range(200):
        own = matrices(seed)
        own[0] -= own[1] + 0.5 * own[2]
        values.append(permuted_p(*own, 99, seed))
    assert 0.02 <= np.mean(np.array(values) <= 0.05) <= 0.1


def test_a_third_that_determines_gives_nothing():
    own = matrices()
    assert np.isnan(partial_correlation(upper(own[0]), upper(own[1]), 2 * upper(own[1]) + 1))
    assert np.isnan(partial_correlation(upper(own[0]), np.ones(28), upper(own[1])))
    assert np.isnan(jackknife(own[0], np.ones((8, 8)), own[1], 0.95)).all()
