"""The diagonal of a groups x languages matrix against the rest: does a language's group affect that language most?"""

from dataclasses import dataclass

import numpy as np

from workbench.results.bootstrap import ends_of_draws, weights
from workbench.text.languages import same

_DRAWS = 1000  # of texts
_SHUFFLES = 9999  # of which group belongs to which language


@dataclass(frozen=True)
class Diagonal:
    """How much more each group affects its own language than the others.

    Contrasts are own changes less the mean of the other languages' changes, NaN for a group of no language; the p-value
    is the share of ways to assign the groups to languages whose diagonal is at least as large (one-sided).
    """

    # [group]: contrasts and the ends of their bootstrap intervals over texts
    contrast: np.ndarray
    low: np.ndarray
    high: np.ndarray
    # of the mean contrast; NaN with fewer than two groups that have a language
    mean: float
    mean_low: float
    mean_high: float
    p_value: float


def diagonal(
    samples: np.ndarray,
    groups: list[str],
    languages: list[str],
    *,
    aligned: bool,
    clusters: np.ndarray | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Diagonal:
    """Compare the change of each group's own language with that of the others.

    A group named by a language's code or name belongs to that language. Samples are each text's change, [group,
    language, sample], NaN where a language has fewer texts; `clusters` [language, sample] are drawn together, each its
    own when None. Where row i means the same in every language (`aligned`), whole rows are drawn, and clusters are the
    same in every language.
    """
    own = {g: k for g, name in enumerate(groups) for k, language in enumerate(languages) if same(name, language)}
    count = (~np.isnan(samples)).any(0).sum(1)
    own_clusters = [np.arange(n) if clusters is None else clusters[k, :n] for k, n in enumerate(count)]
    if not own or len(languages) < 2 or any(len(np.unique(ids)) < 2 for ids in own_clusters):
        nothing = np.full(len(groups), np.nan)
        return Diagonal(nothing, nothing, nothing, np.nan, np.nan, np.nan, np.nan)
    means = np.nanmean(samples, 2)[None]  # [draw, group, language]
    by_language = [
        weights(ids, _DRAWS, [seed, k * (not aligned)]) @ samples[:, k, : count[k]].T
        for k, ids in enumerate(own_clusters)
    ]
    drawn = np.stack(by_language, 2)
    observed, spread = (_contrasts(values, own, len(groups)) for values in (means, drawn))
    low, high = ends_of_draws(spread, level)
    rows = list(own)
    mean_low, mean_high = ends_of_draws(spread[:, rows].mean(1), level)
    p = _shuffled(means[0][rows], [own[g] for g in rows], seed) if len(rows) > 1 else np.nan
    return Diagonal(observed[0], low, high, float(observed[0, rows].mean()), float(mean_low), float(mean_high), p)


def _contrasts(means: np.ndarray, own: dict[int, int], groups: int) -> np.ndarray:
    """[draw, group] from [draw, group, language]."""
    contrasts = np.full((len(means), groups), np.nan)
    others = means.shape[2] - 1
    for g, k in own.items():
        mine = means[:, g, k]
        contrasts[:, g] = mine - (means[:, g].sum(1) - mine) / others
    return contrasts


def _shuffled(matrix: np.ndarray, own: list[int], seed: int) -> float:
    """One-sided p-value: the diagonal's sum against that of random assignments of groups to languages.

    Sums of rows and columns do not change, so a group that affects every language, or a language that every group
    affects, gives no small p-value.
    """
    rows = np.arange(len(own))
    observed = matrix[rows, own].sum()
    columns = np.random.default_rng(seed).permuted(np.tile(own, (_SHUFFLES, 1)), axis=1)
    sums = matrix[rows, columns].sum(1)
    return float((1 + (sums >= observed - 1e-12).sum()) / (1 + _SHUFFLES))
