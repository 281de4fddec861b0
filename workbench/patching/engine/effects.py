"""From metric values to effects: 0 is the unpatched target run, 1 the source run."""

from dataclasses import dataclass

import numpy as np

from workbench.results.bootstrap import draw_counts

_SAME = 1e-6  # source and target values nearer than this leave nothing to normalise by
LEVEL, _ENDS = 0.95, (0.025, 0.975)  # of intervals
_RESAMPLES = 1000
_DRAWN = 4_000_000  # most resampled numbers in memory at once


@dataclass(frozen=True)
class Effects:
    """Effects of cells, [row, column], and of pairs, [pair, row, column]; NaN where there is none."""

    effect: np.ndarray
    low: np.ndarray
    high: np.ndarray
    value: np.ndarray
    pair_effect: np.ndarray


def normalise(
    values: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    pairs: np.ndarray,
    seed: int,
    clusters: np.ndarray | None = None,
    ends: tuple[float, float] = _ENDS,
) -> Effects:
    """Means over pairs, normalised, with bootstrap intervals over pairs.

    Args:
        values: the patched metric [pair, row, column]; NaN where a pair has no such cell, or it was not run.
        source: the metric of the source run, [pair].
        target: the metric of the unpatched target run, [pair].
        pairs: which pairs are averaged, [pair] bool.
        seed: of the bootstrap.
        clusters: the cluster of each pair, [pair]; pairs of a cluster (repeats) are drawn together. None: each its own.
        ends: quantiles of the interval; those of 95 % by default.

    Returns:
        effect = (mean value - mean target) / (mean source - mean target), the means over those pairs that have the
        cell; low and high, its percentile interval; value, the mean; pair_effect, the same of each pair alone.
    """
    gap = source - target
    gap_or_nan = np.where(np.abs(gap) < _SAME, np.nan, gap)
    pair_effect = (values - target[:, None, None]) / gap_or_nan[:, None, None] + 0.0  # no -0
    used = values[pairs]
    present = ~np.isnan(used)
    moved = np.where(present, used - target[pairs][:, None, None], 0.0)
    gaps = np.where(present, gap[pairs][:, None, None], 0.0)
    count = present.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(count > 0, np.where(present, used, 0.0).sum(0) / count, np.nan)
        effect = np.where(np.abs(gaps.sum(0)) < _SAME * np.maximum(count, 1), np.nan, moved.sum(0) / gaps.sum(0))
    own = np.arange(len(moved)) if clusters is None else clusters[pairs]
    low, high = _interval(moved, gaps, own, seed, ends)
    distinct = np.stack([present[own == cluster].any(0) for cluster in np.unique(own)]).sum(0)
    unknown = (distinct < 2) | np.isnan(effect)
    return Effects(effect, np.where(unknown, np.nan, low), np.where(unknown, np.nan, high), value, pair_effect)


def without_difference(source: np.ndarray, target: np.ndarray) -> int:
    """How many pairs have no effect of their own, because their two runs give the same metric."""
    return int((np.abs(source - target) < _SAME).sum())


def _interval(
    moved: np.ndarray, gaps: np.ndarray, clusters: np.ndarray, seed: int, ends: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap of the ratio of sums over pairs, clusters [pair] drawn whole; both arguments [pair, row, column]."""
    count, shape = len(moved), moved.shape[1:]
    weights = draw_counts(clusters, _RESAMPLES, seed, multinomial=True).astype(float)
    flat = moved.reshape(count, -1), gaps.reshape(count, -1)
    low, high = np.empty(flat[0].shape[1]), np.empty(flat[0].shape[1])
    width = max(1, _DRAWN // _RESAMPLES)
    with np.errstate(invalid="ignore", divide="ignore"):
        for start in range(0, len(low), width):
            part = slice(start, start + width)
            ratios = (weights @ flat[0][:, part]) / (weights @ flat[1][:, part])
            ratios[~np.isfinite(ratios)] = np.nan
            known = ~np.isnan(ratios).all(0)
            low[part], high[part] = np.nan, np.nan
            if known.any():
                bounds = np.nanquantile(ratios[:, known], ends, axis=0)
                low[part][known], high[part][known] = bounds
    return low.reshape(shape), high.reshape(shape)
