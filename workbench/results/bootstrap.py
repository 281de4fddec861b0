"""Cluster bootstrap: repeated samples are drawn together, as one.

A text repeated eight times is no more evidence than one text. So clusters of samples are resampled: the estimate is the
mean over all samples, and a draw is the sum over the drawn clusters divided by their number of samples. If every sample
is its own cluster, this is the ordinary bootstrap, bit for bit.
"""

from collections.abc import Sequence

import numpy as np

Seed = int | Sequence[int]


def renumbered(clusters: np.ndarray) -> np.ndarray:
    """Clusters renumbered from 0 in order of first appearance, [sample] int."""
    _, first, place = np.unique(clusters, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[place]


def draw_indices(count: int, resamples: int, seed: Seed) -> np.ndarray:
    """Indices of the units in each draw, with replacement: [draw, unit] int."""
    return np.random.default_rng(seed).integers(0, count, (resamples, count))


def draw_counts(clusters: np.ndarray | int, resamples: int, seed: Seed, *, multinomial: bool = False) -> np.ndarray:
    """How often each draw contains each sample, [draw, sample] int: all samples of a cluster equally often.

    Args:
        clusters: cluster of each sample, [sample] int, or the number of samples, each its own cluster.
        resamples: number of draws.
        seed: of the draws.
        multinomial: draw counts instead of clusters; uses a different stream of random numbers.
    """
    place = np.arange(clusters) if isinstance(clusters, int) else renumbered(clusters)
    count = int(place.max()) + 1
    if multinomial:
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    else:
        drawn = np.stack([np.bincount(draw, minlength=count) for draw in draw_indices(count, resamples, seed)])
    return drawn if count == len(place) else drawn[:, place]


def weights(clusters: np.ndarray | int, resamples: int, seed: Seed) -> np.ndarray:
    """Weight of each sample in each draw's mean, [draw, sample]; every row sums to 1."""
    drawn = draw_counts(clusters, resamples, seed)
    return drawn / drawn.sum(1, keepdims=True)


def ends_of_draws(draws: np.ndarray, level: float, axis: int = 0) -> np.ndarray:
    """Percentile interval of draws: their lower and upper quantile along the axis, [end, ...]."""
    return np.quantile(draws, ((1 - level) / 2, (1 + level) / 2), axis=axis)


def ends_of_known_draws(draws: np.ndarray, level: float) -> np.ndarray:
    """As `ends_of_draws` along the first axis, of the draws that are not NaN: NaN where all are."""
    bounds, known = np.full((2, *draws.shape[1:]), np.nan), ~np.isnan(draws).all(0)
    bounds[:, known] = np.nanquantile(draws[:, known], ((1 - level) / 2, (1 + level) / 2), axis=0)
    return bounds


def clusters_by_cell(clusters: np.ndarray | None, shape: tuple[int, ...], axis: int) -> np.ndarray | None:
    """Clusters as [sample, cell], for samples of this shape; None if each sample is its own cluster.

    Args:
        clusters: ints that broadcast to the samples' shape; below 0 for a missing sample.
        shape: of the samples.
        axis: of the samples.
    """
    if clusters is None:
        return None
    given = np.asarray(clusters)
    given = given.reshape((1,) * (len(shape) - given.ndim) + given.shape)
    own = np.moveaxis(given, axis, 0)
    ordered = np.sort(own.reshape(len(own), -1), axis=0)
    if not ((ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)).any():
        return None
    whole = np.moveaxis(np.broadcast_to(given, shape), axis, 0)
    return whole.reshape(len(whole), -1)
