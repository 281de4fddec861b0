"""Onset layers: from which layer on one side of a comparison outweighs the other, with an interval over samples."""

import numpy as np

from workbench.results.bootstrap import draw_counts


def onset(
    lead: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = 0.95, clusters: np.ndarray | None = None
) -> tuple[float, float, float]:
    """The first layer from which on the mean lead is positive at every later layer.

    Args:
        lead: [sample, layer], what one side is ahead of the other; NaN samples are left out.
        resamples: bootstrap draws of samples.
        seed: of the draws.
        level: of the interval.
        clusters: which samples are one and are drawn together, [sample] int; each its own when None.

    Returns:
        (onset, low, high) in layers; the number of layers where the mean lead is not positive at the last layer.
        The interval is the percentile interval of the resampled onsets, NaN with fewer than two clusters.
    """
    there = ~np.isnan(lead).any(1)
    own = (np.arange(len(lead)) if clusters is None else clusters)[there]
    lead = lead[there]
    layers = lead.shape[1]
    if not len(lead):
        return np.nan, np.nan, np.nan
    found = float(_first(lead.mean(0)[None])[0])
    if len(np.unique(own)) < 2:
        return found, np.nan, np.nan
    onsets = _first(draw_counts(own, resamples, seed, multinomial=True) @ lead)
    tails = (1 - level) / 2
    low, high = np.quantile(onsets, (tails, 1 - tails), method="inverted_cdf")
    assert 0 <= low <= high <= layers
    return found, float(low), float(high)


def _first(leads: np.ndarray) -> np.ndarray:
    """The first layer of the positive run that ends at the last layer, per row; the number of layers without one."""
    behind = leads[:, ::-1] <= 0
    return np.where(behind.any(1), leads.shape[1] - behind.argmax(1), 0)
