"""How far counts of languages lie apart: Jensen-Shannon divergence, its test by exchanging labels, and intervals.

Everything works on counts of texts, [text, layer, unit], which are pooled: a distribution is the sum over texts,
divided by its own sum.
"""

from collections.abc import Sequence

import numpy as np
from einops import rearrange

from workbench.arguments import finite
from workbench.results.bootstrap import draw_counts, ends_of_draws, renumbered

_DRAWN = 4_000_000  # most numbers drawn at one time: 32 MB
_TIE = 1e-9  # bits; sums in another order differ by less


def distributions(counts: np.ndarray) -> np.ndarray:
    """Counts [..., unit] divided by their sum; NaN where they sum to 0."""
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def jensen_shannon(shares: np.ndarray) -> np.ndarray:
    """Entropy of the mean distribution less the mean entropy, in bits.

    Args:
        shares: [group, ..., unit], distributions over the units; each group has the same weight.

    Returns:
        [...], from 0 (all alike) to log2(groups) (no two share a unit); NaN where a distribution is.
    """
    return _entropy(shares.mean(0)) - _entropy(shares).mean(0)


def _entropy(shares: np.ndarray) -> np.ndarray:
    logs = np.log2(shares, out=np.zeros(shares.shape), where=shares > 0)
    return -(shares * logs).sum(-1)


def exchange(
    groups: Sequence[np.ndarray],
    *,
    aligned: bool,
    permutations: int,
    seed: Sequence[int],
    clusters: Sequence[np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test whether groups of texts have the same distribution, by exchanging the texts' labels.

    Where row i says the same in every group, labels are exchanged within rows, so that the content stays the same;
    otherwise among all texts, and each group keeps its number of texts. Texts of one cluster share a label.

    Args:
        groups: counts of each group, [text, layer, unit].
        aligned: whether row i is a translation of row i.
        permutations: random exchanges; 0 tests nothing.
        seed: of the draws.
        clusters: cluster of each text of each group, [text]; where aligned, of rows, the same in every group. Each text
            is its own when None.

    Returns:
        Three numbers a layer, NaN where a layer has no counts: the divergence of the counts as they are and its mean
        when labels are exchanged, in bits, and the p-value, the share of the permutations, the labels as they are among
        them, that diverge as much. The last two are NaN without permutations.
    """
    count, layers, width = len(groups), *groups[0].shape[1:]
    texts = np.concatenate([group.astype(np.float64) for group in groups])
    units = [np.arange(len(group)) if clusters is None else renumbered(clusters[k]) for k, group in enumerate(groups)]
    sizes = [int(numbers.max()) + 1 for numbers in units]
    own = np.repeat(np.arange(count), sizes)  # of each cluster
    place = np.concatenate([numbers + start for numbers, start in zip(units, np.cumsum([0, *sizes]), strict=False)])
    observed = jensen_shannon(distributions(np.stack([group.sum(0, dtype=np.float64) for group in groups])))
    total, above = np.zeros(layers), np.zeros(layers)
    generator = np.random.default_rng(seed)
    step = max(1, _DRAWN // max(len(texts), count * width))
    for start in range(0, permutations, step):
        labels = _labels(generator, own, count, min(step, permutations - start), aligned)[:, place]
        for layer in range(layers):
            sums = np.stack([(labels == k).astype(np.float64) @ texts[:, layer] for k in range(count)])
            drawn = jensen_shannon(distributions(sums))
            total[layer] += drawn.sum()
            above[layer] += (drawn >= observed[layer] - _TIE).sum()
    unknown = np.full(layers, np.nan)
    if not permutations:
        return observed, unknown, unknown
    p = np.where(np.isnan(observed), np.nan, (1 + above) / (1 + permutations))
    return observed, total / permutations, p


def _labels(generator: np.random.Generator, own: np.ndarray, count: int, draws: int, aligned: bool) -> np.ndarray:
    """Labels of the clusters of texts in each draw, [draw, cluster]; `own` are those they have."""
    if not aligned:
        return generator.permuted(np.broadcast_to(own, (draws, len(own))), axis=1)
    rows = len(own) // count
    orders = generator.permuted(np.broadcast_to(np.arange(count), (draws, rows, count)), axis=2)
    return rearrange(orders, "draw row group -> draw (group row)")  # texts are ordered by group


def share_interval(
    counts: np.ndarray, *, level: float, resamples: int = 1000, seed: int = 0, clusters: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap percentile interval over texts of pooled shares, whose denominator is drawn with them.

    Args:
        counts: [text, layer, unit].
        level: of confidence.
        resamples: bootstrap draws.
        seed: of the draws.
        clusters: texts of one cluster are drawn together, [text]; each text is its own when None.

    Returns:
        (low, high), each [layer, unit]; NaN with fewer than two clusters, and where a layer has no counts.
    """
    finite("level", level, above=0, below=1)
    own = np.arange(len(counts)) if clusters is None else clusters
    layers, units = counts.shape[1:]
    low, high = np.full((layers, units), np.nan), np.full((layers, units), np.nan)
    if len(np.unique(own)) < 2:
        return low, high
    drawn = draw_counts(own, resamples, seed).astype(np.float64)
    for layer in np.flatnonzero(counts.any((0, 2))):
        shares = distributions(drawn @ counts[:, layer].astype(np.float64))
        low[layer], high[layer] = ends_of_draws(shares, level)
    return low, high
