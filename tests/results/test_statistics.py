"""The statistics against plain loops, cell by cell, written from their definitions."""

import math
import warnings

import numpy as np
import pytest
import torch
from scipy import stats

from workbench.errors import BadArgument
from workbench.results import statistics as ours
from workbench.results.statistics import corrected, interval, mean_of_known, p_value


@pytest.fixture
def samples():
    """[sample, layer, head] with NaNs in three patterns."""
    values = np.random.default_rng(0).normal(0.3, 1.0, (12, 3, 4))
    values[5:, 0, 1] = np.nan
    values[[0, 7], 2, :] = np.nan
    return values


def cells(values):
    for at in np.ndindex(*values.shape[1:]):
        column = values[(slice(None), *at)]
        yield at, [float(value) for value in column if not math.isnan(value)]


def test_interval_equals_a_plain_bootstrap(samples):
    low, high = interval(samples, resamples=200, seed=4, level=0.9)
    assert low.shape == high.shape == (3, 4)
    for at, values in cells(samples):
        rng = np.random.default_rng(4)
        draws = rng.integers(0, len(values), (200, len(values)))
        means = [sum(values[i] for i in draw) / len(values) for draw in draws]
        assert low[at] == pytest.approx(np.percentile(means, 5), abs=1e-12)
        assert high[at] == pytest.approx(np.percentile(means, 95), abs=1e-12)


def test_interval_equals_scipy(samples):
    whole = samples[[1, 2, 3, 4]].reshape(4, -1)
    found = stats.bootstrap(
        (whole,), np.mean, axis=0, n_resamples=300, method="percentile", rng=np.random.default_rng(2)
    )
    expected = (found.confidence_interval.low, found.confidence_interval.high)
    np.testing.assert_allclose(interval(whole, resamples=300, seed=2), expected, atol=1e-12)


def test_interval_holds_the_mean_and_narrows_with_samples():
    values = np.random.default_rng(1).normal(2.0, 1.0, (400, 5))
    low, high = interval(values)
    assert np.all((low < values.mean(axis=0)) & (values.mean(axis=0) < high))
    assert np.all(high - low == pytest.approx(2 * 1.96 / 20, rel=0.2))
    few_low, few_high = interval(values[:25])
    assert np.all(few_high - few_low > high - low)


def test_interval_does_not_depend_on_how_the_work_is_cut(samples, monkeypatch):
    whole = interval(samples, resamples=50)
    monkeypatch.setattr(ours, "_MAX_MEANS", 150)
    np.testing.assert_allclose(interval(samples, resamples=50), whole, atol=1e-12)


def test_any_axis_and_torch_tensors(samples):
    expected = interval(samples, resamples=50)
    moved = np.moveaxis(samples, 0, -1)
    np.testing.assert_allclose(interval(moved, axis=-1, resamples=50), expected, atol=1e-12)
    np.testing.assert_allclose(interval(torch.tensor(samples), resamples=50), expected, atol=1e-12)
    np.testing.assert_array_equal(p_value(torch.tensor(moved), axis=2), p_value(samples))
    low, high = interval(samples[:, 0, 0], resamples=50)
    assert low.shape == high.shape == ()
    assert (low, high) == (pytest.approx(expected[0][0, 0]), pytest.approx(expected[1][0, 0]))


def test_p_value_equals_the_t_test_by_hand(samples):
    found = p_value(samples)
    for at, values in cells(samples):
        n = len(values)
        mean = sum(values) / n
        error = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
        assert found[at] == pytest.approx(2 * stats.t.sf(abs(mean / error), n - 1), abs=1e-12)


def test_cells_without_spread_or_samples():
    nan = math.nan
    values = np.array([[0.0, 2.0, nan, 1.0, nan], [0.0, 2.0, nan, nan, 0.0], [0.0, 2.0, nan, nan, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = p_value(values)
        low, high = interval(values, resamples=20)
        nothing = interval(np.zeros((0, 2)))
    np.testing.assert_array_equal(p, [1.0, 0.0, nan, nan, 1.0])
    np.testing.assert_allclose(low, [0.0, 2.0, nan, nan, 0.0])
    np.testing.assert_allclose(high, low)
    assert np.isnan(nothing).all()


def test_correction_equals_benjamini_and_hochberg_by_hand():
    p = np.array([[0.01, 0.04, math.nan], [0.03, 0.005, 0.9]])
    tested = sorted(value for value in p.ravel() if not math.isnan(value))
    found = corrected(p)
    assert found.shape == p.shape
    assert math.isnan(found[0, 2])
    for at in np.ndindex(p.shape):
        if not math.isnan(p[at]):
            larger = [q * len(tested) / rank for rank, q in enumerate(tested, start=1) if q >= p[at]]
            assert found[at] == pytest.approx(min(1.0, *larger, 1.0))
    assert found[0, 0] == pytest.approx(0.01 * 5 / 2)
    assert np.isnan(corrected([math.nan])).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_levels_lie_between_0_and_1(level):
    with pytest.raises(BadArgument, match="level"):
        interval([1.0, 2.0], level=level)


def test_the_mean_of_what_is_known():
    values = np.array([[[1.0, np.nan], [np.nan, np.nan]], [[3.0, 0.5], [np.nan, 4.0]]])
    for axis in range(3):
        means = mean_of_known(values, axis)
        for cell in np.ndindex(means.shape):
            column = np.moveaxis(values, axis, 0)[(slice(None), *cell)]
            there = column[~np.isnan(column)]
            np.testing.assert_equal(means[cell], there.mean() if len(there) else np.nan)
