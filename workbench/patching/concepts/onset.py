"""Onset layers: from which layer on one side of a comparison outweighs the other, with an interval over samples."""

from collections.abc import Sequence

import numpy as np

from workbench.results.bootstrap import draw_counts

LEVEL = 0.95  # of intervals


def onset(
    lead: np.ndarray, *, resamples: int = 1000, seed: int = 0, level: float = LEVEL, clusters: np.ndarray | None = None
) -> tuple[float, float, float]:
    """The first layer from which on the mean lead is positive at every later layer.

    Args:
        lead: [sample, layer], what one side is ahead of the other; NaN samples are left out.
        resamples: bootstrap draws of samples.
        seed: of the draws.
        level: of the interval.
        clusters: the cluster of each sample, [sample] int; those of a cluster are drawn together. None: each its own.

    Returns:
        (onset, low, high) in layers; the number of layers where the mean lead is not positive at the last layer.
        The interval is the percentile interval of the resampled onsets, NaN with fewer than two clusters.
    """
    known = ~np.isnan(lead).any(1)
    own = (np.arange(len(lead)) if clusters is None else clusters)[known]
    lead = lead[known]
    layers = lead.shape[1]
    if not len(lead):
        return np.nan, np.nan, np.nan
    first = float(_first(lead.mean(0)[None])[0])
    if len(np.unique(own)) < 2:
        return first, np.nan, np.nan
    onsets = _first(draw_counts(own, resamples, seed, multinomial=True) @ lead)
    tails = (1 - level) / 2
    low, high = np.quantile(onsets, (tails, 1 - tails), method="inverted_cdf")
    assert 0 <= low <= high <= layers
    return first, float(low), float(high)


def leads(values: np.ndarray, answers: Sequence[tuple[str, str]], where: str) -> dict[str, np.ndarray]:
    """The lead of the side whose onset is measured, [pair, layer], for concept and language.

    Args:
        values: probabilities [pair, answer, layer].
        answers: (whose concept, language), sources first and the source's language first.
        where: `last` for the onset of the source's side, `concept` for the target's.
    """
    sign = 1 if where == "last" else -1
    of_source = np.array([whose == "source" for whose, _ in answers])
    by_aspect = {"concept": sign * (values[:, of_source].sum(1) - values[:, ~of_source].sum(1))}
    languages = list(dict.fromkeys(language for _, language in answers))
    if len(languages) == 2:
        in_source = np.array([language == languages[0] for _, language in answers])
        by_aspect["language"] = sign * (values[:, in_source].sum(1) - values[:, ~in_source].sum(1))
    return by_aspect


def _first(leads: np.ndarray) -> np.ndarray:
    """The first layer of the positive run that ends at the last layer, per row; the number of layers without one."""
    not_ahead = leads[:, ::-1] <= 0
    return np.where(not_ahead.any(1), leads.shape[1] - not_ahead.argmax(1), 0)
