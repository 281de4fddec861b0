"""Divergence, its test by exchanging labels and its intervals, against loops and enumeration."""

import numpy as np
import pytest
from scipy import stats

from tests.oracles import routing as oracle
from workbench.neurons.mixtures.divergence import distributions, exchange, jensen_shannon, share_interval


def counts(texts, experts=4, seed=0, high=9):
    return np.random.default_rng(seed).integers(0, high, (texts, 1, experts)) + np.eye(experts, dtype=int)[:1]


def test_by_hand():
    shares = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert jensen_shannon(shares) == pytest.approx(-0.75 * np.log2(0.75) + 0.25 * 2 - 0.5)
    assert jensen_shannon(np.eye(4)) == pytest.approx(2)  # no unit in common
    assert np.isnan(jensen_shannon(np.stack([shares[0], [np.nan, np.nan]])))
    assert np.isnan(distributions(np.zeros((1, 3)))).all()


@pytest.mark.parametrize("groups", [2, 3])
def test_within_rows_it_is_the_enumeration(groups):
    made = [counts(4, seed=seed) for seed in range(groups)]
    every = oracle.every_relabelling([group[:, 0].tolist() for group in made], aligned=True)
    divergence, null, p_value = exchange(made, aligned=True, permutations=4000, seed=[0])
    observed = oracle.divergence([oracle.pooled(group[:, 0].tolist()) for group in made])
    assert float(divergence[0]) == pytest.approx(observed)
    assert float(null[0]) == pytest.approx(np.mean(every), rel=0.05)
    assert float(p_value[0]) == pytest.approx(np.mean(np.array(every) >= observed - 1e-9), abs=0.03)


def test_between_all_texts_it_is_the_enumeration():
    made = [counts(3, seed=0), counts(5, seed=1)]
    every = oracle.every_relabelling([group[:, 0].tolist() for group in made], aligned=False)
    _, null, p_value = exchange(made, aligned=False, permutations=4000, seed=[0])
    observed = oracle.divergence([oracle.pooled(group[:, 0].tolist()) for group in made])
    assert float(null[0]) == pytest.approx(np.mean(every), rel=0.05)
    assert float(p_value[0]) == pytest.approx(np.mean(np.array(every) >= observed - 1e-9), abs=0.03)


@pytest.mark.parametrize("aligned", [True, False])
def test_p_values_are_uniform_where_labels_mean_nothing(aligned):
    p = [
        float(
            exchange([counts(10, seed=2 * i), counts(10, seed=2 * i + 1)], aligned=aligned, permutations=99, seed=[i])[
                2
            ][0]
        )
        for i in range(300)
    ]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_a_subject_is_no_language():
    """Rows differ, languages do not: exchanging within rows finds nothing, and its null is as small as it should be."""
    rows = counts(12, seed=3, high=40)
    same = [rows, rows.copy()]
    within, between = (exchange(same, aligned=aligned, permutations=99, seed=[0]) for aligned in (True, False))
    assert float(within[2][0]) == 1 and float(within[1][0]) == pytest.approx(0, abs=1e-12)
    assert float(between[1][0]) > 0


def test_intervals_are_those_of_a_loop():
    made = counts(7, seed=4)
    low, high = share_interval(made, level=0.9, resamples=200, seed=5)
    draws = np.random.default_rng(5).integers(0, 7, (200, 7))
    shares = np.array([oracle.pooled([made[text, 0].tolist() for text in draw]) for draw in draws])
    np.testing.assert_allclose(low[0], np.quantile(shares, 0.05, axis=0))
    np.testing.assert_allclose(high[0], np.quantile(shares, 0.95, axis=0))
    assert np.isnan(share_interval(made[:1], level=0.9)[0]).all()
