"""Rates of judged responses: success, relevance, both at once, and the harmonic mean of two, with intervals."""

import numpy as np

from workbench.results.bootstrap import draw_counts, ends_of_draws
from workbench.results.proportions import wilson

RATES = {
    "success": "share of responses in the target language",
    "relevance": "mean relevance of responses to their prompts",
    "both": "share of responses in the target language and relevant to their prompts",
    "harmonic": "harmonic mean of success and relevance",
}
_RESAMPLES = 1000


def harmonic(success: np.ndarray, relevance: np.ndarray) -> np.ndarray:
    """Harmonic mean, 0 where both are 0."""
    total = success + relevance
    return np.divide(2 * success * relevance, total, out=np.zeros(np.shape(total)), where=total > 0)


def with_both(rows: np.ndarray) -> np.ndarray:
    """Success and relevance of each response with their product, [..., 3, response]: how far it is both."""
    return np.concatenate([rows, rows.prod(-2, keepdims=True)], -2)


def means(rows: np.ndarray, clusters: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rates, and those of redrawn prompts.

    Args:
        rows: success and relevance of each response, [..., 2, response].
        clusters: the prompt of each, [response] int: responses to equal prompts are drawn together.
        seed: of the bootstrap.

    Returns:
        [..., rate] and [draw, ..., rate].
    """
    rows = with_both(rows)
    counts = draw_counts(clusters, _RESAMPLES, seed)
    weights = np.concatenate([np.ones((1, len(clusters)), dtype=int), counts])
    sums = np.einsum("wr,...kr->w...k", weights, rows) / weights.sum(1).reshape(-1, *[1] * (rows.ndim - 1))
    every = np.concatenate([sums, harmonic(sums[..., 0], sums[..., 1])[..., None]], -1)
    return every[0], every[1:]


def difference_ends(
    drawn: np.ndarray, first: tuple[np.ndarray, np.ndarray, np.ndarray], other: tuple[np.ndarray, ...], level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of a difference of two rates on the same prompts.

    A bootstrap; where all draws have the same difference, as with success in all prompts against none, the intervals of
    both rates are combined (Newcombe 1998, method 10), as if they were independent.

    Args:
        drawn: differences of redrawn prompts, [draw, ...].
        first: a rate with its lower and upper ends, [...] each.
        other: the rate that is subtracted, likewise.
        level: of the interval.
    """
    low, high = ends_of_draws(drawn, level)
    difference = first[0] - other[0]
    below = difference - np.hypot(first[0] - first[1], other[2] - other[0])
    above = difference + np.hypot(first[2] - first[0], other[0] - other[1])
    same = np.ptp(drawn, axis=0) < 1e-12
    return np.where(same, below, low), np.where(same, above, high)


def intervals(
    rows: np.ndarray, clusters: np.ndarray, level: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rates with their lower and upper ends, [..., rate] each.

    Wilson's interval for success, relevance and both where these are shares of distinct prompts, else a bootstrap over
    prompts, as for the harmonic mean. Where all draws have the same harmonic mean, as with no success at all, its ends
    are the harmonic means of both lower and of both upper ends. NaN for a single prompt.
    """
    value, drawn = means(rows, clusters, seed)
    low, high = ends_of_draws(drawn, level)
    distinct = len(np.unique(clusters))
    if distinct < 2:
        low, high = np.full(value.shape, np.nan), np.full(value.shape, np.nan)
    if 2 <= distinct == len(clusters):
        shares = with_both(rows)
        sure = np.isin(shares, (0, 1)).all(-1)
        low[..., :3][sure], high[..., :3][sure] = wilson(shares[sure].sum(-1), len(clusters), level=level)
    same = low[..., -1] == high[..., -1]
    for ends in (low, high):
        ends[..., -1] = np.where(same, harmonic(ends[..., 0], ends[..., 1]), ends[..., -1])
    return value, low, high
