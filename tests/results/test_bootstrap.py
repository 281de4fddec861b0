"""Resampling by cluster: bit for bit the ordinary bootstrap without repeats, plain loops over clusters with them."""

import math

import numpy as np
import pytest
from scipy import stats

from workbench.heads.removal.diagonal import diagonal
from workbench.heads.score_draws import draws
from workbench.heads.scores.streaming import Squares
from workbench.neurons.mixtures.divergence import exchange, share_interval
from workbench.patching.concepts.onset import onset
from workbench.patching.engine.agreement import agreement
from workbench.patching.engine.effects import normalise
from workbench.results.bootstrap import (
    clusters_by_cell,
    draw_counts,
    ends_of_draws,
    ends_of_known_draws,
    renumbered,
    weights,
)
from workbench.results.statistics import interval, p_value

VALUES = np.random.default_rng(5).normal(0.4, 1.0, (7, 3))
UNEVEN = np.array([4, 4, 2, 9, 2, 4, 0])  # three, two, one and one


def drawn_counts(count, resamples, seed):
    """How often each draw takes each of so many units, the way numpy's generator is called for it."""
    picked = np.random.default_rng(seed).integers(0, count, (resamples, count))
    return np.stack([np.bincount(row, minlength=count) for row in picked])


def ratio_means(values, clusters, resamples, seed):
    """Means of draws of clusters, by loops: the sum over the clusters drawn, divided by their samples."""
    groups = [[values[i] for i in range(len(values)) if clusters[i] == one] for one in dict.fromkeys(clusters)]
    picked = np.random.default_rng(seed).integers(0, len(groups), (resamples, len(groups)))
    found = []
    for row in picked:
        taken = [value for unit in row for value in groups[unit]]
        found.append(sum(taken) / len(taken))
    return found


def test_clusters_are_numbered_as_they_come():
    assert renumbered(UNEVEN).tolist() == [0, 0, 1, 2, 1, 0, 3]


def test_without_repeats_the_numbers_are_those_of_the_ordinary_bootstrap_to_the_bit():
    counts = drawn_counts(7, 1000, 3)
    tails = ((1 - 0.95) / 2, (1 + 0.95) / 2)
    expected = np.quantile((counts / 7) @ VALUES, tails, axis=0)
    for clusters in (None, np.arange(7)[::-1][:, None]):
        np.testing.assert_array_equal(interval(VALUES, seed=3, clusters=clusters), expected)
        np.testing.assert_array_equal(p_value(VALUES, clusters=clusters), stats.ttest_1samp(VALUES, 0.0).pvalue)
    np.testing.assert_array_equal(weights(7, 1000, 3), counts / 7)
    multinomial = np.random.default_rng(3).multinomial(7, np.full(7, 1 / 7), 50)
    np.testing.assert_array_equal(draw_counts(np.arange(7), 50, 3, multinomial=True), multinomial)


def test_every_bootstrap_draws_as_before_without_repeats():
    samples = np.random.default_rng(1).normal(size=(2, 6, 2, 2))  # [language, sample, layer, head]
    counts = drawn_counts(6, 40, 8) / 6
    expected = np.stack([np.einsum("ds,slh->dlh", counts, one) for one in samples], 1)
    np.testing.assert_array_equal(draws(samples, seed=8, count=40), expected)
    groups = np.random.default_rng(2).normal(size=(2, 2, 6))  # [group, language, sample]
    found = diagonal(groups, ["de", "fr"], ["de", "fr"], aligned=False, seed=8)
    means = [(drawn_counts(6, 1000, [8, k]) / 6) @ groups[:, k].T for k in range(2)]  # [draw, group] each
    low = np.quantile(means[0][:, 0] - means[1][:, 0], 0.025)
    assert found.low[0] == pytest.approx(low, abs=1e-15)
    lead = np.random.default_rng(3).normal(0.5, 1.0, (6, 4))
    drawn = np.random.default_rng(8).multinomial(6, np.full(6, 1 / 6), 1000) @ lead
    onsets = [next((i for i in range(4) if (row[i:] > 0).all()), 4) for row in drawn]
    assert onset(lead, seed=8)[1:] == tuple(np.quantile(onsets, (0.025, 0.975), method="inverted_cdf"))
    fired = np.random.default_rng(4).integers(0, 9, (6, 1, 3))
    shares = drawn_counts(6, 1000, 8).astype(float) @ fired[:, 0]
    shares /= shares.sum(1, keepdims=True)
    np.testing.assert_array_equal(share_interval(fired, level=0.9, seed=8)[0][0], np.quantile(shares, 0.05, axis=0))
    one, other = lead[:, 0], lead[:, 1]
    picked = np.random.default_rng(8).integers(0, 6, (1000, 6))
    expected = [np.corrcoef(one[row], other[row])[0, 1] for row in picked if np.ptp(one[row]) > 0]
    assert agreement(one, other, seed=8)["agreement_low"] == pytest.approx(np.quantile(expected, 0.025), abs=1e-9)


def test_a_draw_is_the_sum_over_clusters_divided_by_their_samples():
    low, high = interval(VALUES, seed=6, resamples=300, clusters=UNEVEN[:, None])
    for cell in range(3):
        means = ratio_means(VALUES[:, cell], UNEVEN.tolist(), 300, 6)
        assert low[cell] == pytest.approx(np.quantile(means, 0.025), abs=1e-12)
        assert high[cell] == pytest.approx(np.quantile(means, 0.975), abs=1e-12)


def test_the_t_test_is_of_a_ratio_of_cluster_sums():
    found = p_value(VALUES, clusters=UNEVEN[:, None])
    groups = [VALUES[one == UNEVEN] for one in np.unique(UNEVEN)]
    mean = VALUES.mean(0)
    left = sum((group.sum(0) - len(group) * mean) ** 2 for group in groups)
    error = np.sqrt(left * 4 / 3) / 7
    np.testing.assert_allclose(found, 2 * stats.t.sf(abs(mean) / error, 3), rtol=1e-10)


def test_cells_may_differ_in_their_samples_and_clusters():
    values = np.random.default_rng(9).normal(size=(2, 7))  # [language, sample]
    values[1, 5:] = np.nan
    clusters = np.array([UNEVEN, [3, 1, 3, 1, 7, -1, -1]])
    low, _ = interval(values, axis=1, seed=2, clusters=clusters)
    for k, size in ((0, 7), (1, 5)):
        means = ratio_means(values[k, :size], clusters[k, :size].tolist(), 1000, 2)
        assert low[k] == pytest.approx(np.quantile(means, 0.025), abs=1e-12)
    assert clusters_by_cell(np.array([[0, 1, -1, -1]]), (1, 4), 1) is None  # what is not there repeats nothing


@pytest.mark.parametrize("order", ["one after another", "all again"])
def test_eight_times_the_samples_are_no_more_evidence(order):
    index = np.repeat(np.arange(7), 8) if order == "one after another" else np.tile(np.arange(7), 8)
    many, own = VALUES[index], index[:, None]
    np.testing.assert_allclose(interval(many, seed=1, clusters=own), interval(VALUES, seed=1), atol=1e-12)
    np.testing.assert_allclose(p_value(many, clusters=own), p_value(VALUES), rtol=1e-9)
    assert (p_value(many) < p_value(VALUES)).all()  # which they would be, were they taken one by one


def test_one_text_alone_gives_no_interval_however_often_it_is_given():
    same = np.zeros(5, dtype=int)[:, None]
    assert np.isnan(interval(VALUES[:5], clusters=same)).all()
    assert np.isnan(p_value(VALUES[:5], clusters=same)).all()


def test_effects_draw_pairs_by_cluster():
    rng = np.random.default_rng(7)
    values, source, target = rng.normal(size=(5, 1, 2)), rng.normal(3, 1, 5), rng.normal(size=5)
    index, every = np.repeat(np.arange(5), 3), np.ones(15, dtype=bool)
    once = normalise(values, source, target, every[:5], 4)
    many = normalise(values[index], source[index], target[index], every, 4, index)
    for name in ("effect", "low", "high"):
        np.testing.assert_allclose(getattr(many, name), getattr(once, name), rtol=1e-10)
    alone = normalise(values[[0, 0]], source[[0, 0]], target[[0, 0]], every[:2], 4, np.zeros(2, dtype=int))
    assert np.isnan(alone.low).all() and np.isfinite(alone.effect).all()


@pytest.mark.parametrize("aligned", [True, False])
def test_labels_are_exchanged_by_cluster(aligned):
    rng = np.random.default_rng(3)
    groups = [rng.integers(0, 9, (6, 2, 3)), rng.integers(3, 9, (6 if aligned else 5, 2, 3))]
    once = exchange(groups, aligned=aligned, permutations=99, seed=[1])
    index = [np.repeat(np.arange(len(group)), 8) for group in groups]
    many = exchange(
        [group[rows] for group, rows in zip(groups, index, strict=True)],
        aligned=aligned,
        permutations=99,
        seed=[1],
        clusters=index,
    )
    np.testing.assert_array_equal(many[2], once[2])
    np.testing.assert_allclose(many[1], once[1], atol=1e-12)


def test_streamed_sums_give_the_test_of_kept_samples():
    clusters = np.stack([UNEVEN, np.arange(7)])
    sums = Squares(np.stack([renumbered(one) for one in clusters]), (3,))
    for row in (3, 0, 6, 1, 2, 5, 4):
        sums.add(0, row, VALUES[row])
        sums.add(1, row, VALUES[row])
    np.testing.assert_allclose(sums.p_value()[0], p_value(VALUES, clusters=UNEVEN[:, None]), rtol=1e-8)
    np.testing.assert_allclose(sums.p_value()[1], p_value(VALUES), rtol=1e-8)
    assert math.isclose(sums.total[0, 0], VALUES[:, 0].sum())


def test_ends_of_draws_are_the_quantiles_of_each_cell():
    draws = np.random.default_rng(0).normal(size=(50, 2, 3))
    low, high = ends_of_draws(draws, 0.9)
    gaps = np.where(draws > 1, np.nan, draws)
    gaps[:, 1, 2] = np.nan
    known_low, known_high = ends_of_known_draws(gaps, 0.9)
    for cell in np.ndindex(low.shape):
        tails = ((1 - 0.9) / 2, (1 + 0.9) / 2)
        column = draws[(slice(None), *cell)]
        assert (low[cell], high[cell]) == tuple(np.quantile(column, tails))
        there = column[~np.isnan(gaps[(slice(None), *cell)])]
        if len(there):
            assert (known_low[cell], known_high[cell]) == tuple(np.quantile(there, tails))
            np.testing.assert_array_equal(ends_of_known_draws(there, 0.9), np.quantile(there, tails))
    assert np.isnan([known_low[1, 2], known_high[1, 2], *ends_of_known_draws(np.full(4, np.nan), 0.9)]).all()
