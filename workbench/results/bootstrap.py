"""Bootstrap by cluster: samples that say the same are drawn together, as one.

A text that is given eight times is no more evidence than one that is given once. So what is resampled is the cluster of
samples: an estimate stays the mean over all samples, and a draw is the sum over the clusters drawn, divided by how many
samples those have. Where every sample is a cluster of its own, this is the ordinary bootstrap, to the bit.
"""

from collections.abc import Sequence

import numpy as np

Seed = int | Sequence[int]


def first_come(clusters: np.ndarray) -> np.ndarray:
    """Clusters numbered from 0 in the order in which they first come, [sample] int."""
    _, first, place = np.unique(clusters, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[place]


def picks(count: int, resamples: int, seed: Seed) -> np.ndarray:
    """Which of so many units each draw takes, with replacement: [draw, unit] int."""
    return np.random.default_rng(seed).integers(0, count, (resamples, count))


def times(clusters: np.ndarray | int, resamples: int, seed: Seed, *, multinomial: bool = False) -> np.ndarray:
    """How often each draw takes each sample, [draw, sample] int: all samples of a cluster equally often.

    Args:
        clusters: which samples are one, [sample] int, or how many samples there are, each a cluster of its own.
        resamples: draws.
        seed: of the draws.
        multinomial: draw the counts themselves instead of the clusters one by one; another stream of random numbers.
    """
    place = np.arange(clusters) if isinstance(clusters, int) else first_come(clusters)
    count = int(place.max()) + 1
    if multinomial:
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    else:
        drawn = np.stack([np.bincount(draw, minlength=count) for draw in picks(count, resamples, seed)])
    return drawn if count == len(place) else drawn[:, place]


def weights(clusters: np.ndarray | int, resamples: int, seed: Seed) -> np.ndarray:
    """What each sample counts in each draw's mean, [draw, sample]; every row sums to 1."""
    drawn = times(clusters, resamples, seed)
    return drawn / drawn.sum(1, keepdims=True)


def owners(clusters: np.ndarray | None, shape: tuple[int, ...], axis: int) -> np.ndarray | None:
    """Clusters as [sample, cell], for samples of this shape; None where each sample is a cluster of its own.

    Args:
        clusters: ints that broadcast to the samples' shape; below 0 where there is no sample.
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
