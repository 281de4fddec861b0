"""What the language of the prompt and that of the question do to a score: means, gaps and shares of variance."""

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.results.bootstrap import ends_of_draws, weights
from workbench.results.make import Variables

FACTORS = ("prompt", "question")
_RESAMPLES = 1000
_PERMUTATIONS = 500
_CELL = ("metric", "prompt_language", "language")
_FACTOR = ("metric", "language_of")


def effects(
    scores: Mapping[str, np.ndarray],
    prompt_languages: Sequence[str],
    languages: Sequence[str],
    *,
    pivot: str,
    level: float,
    seed: int,
) -> Variables:
    """Summaries of scores [prompt_language, language, item] by name, as variables of a Result.

    Intervals are percentiles of 1,000 draws of items; an item is drawn with all its languages. Items that any cell
    lacks are left out.
    """
    tables, drawn, chance, p_values, compared = [], [], [], [], []
    for values in scores.values():
        complete = values[..., np.isfinite(values).all((0, 1))]
        compared.append(complete.shape[-1])
        tables.append(_cells(complete))
        drawn.append(_drawn(complete, seed))
        own_chance, own_p = zip(*(_permuted(complete, factor, seed) for factor in FACTORS), strict=True)
        chance.append(own_chance)
        p_values.append(own_p)
    table, draws = np.stack(tables), np.stack(drawn)  # [metric, prompt, question], [metric, draw, prompt, question]
    codes = (prompt_languages, languages)
    gap, share = _gaps(table, codes, pivot), shares(table)
    bounds = {
        "mean": ends_of_draws(draws, level, axis=1),
        "gap": ends_of_draws(_gaps(draws, codes, pivot), level, axis=1),
        "share": ends_of_draws(shares(draws)[..., :2], level, axis=1),
    }
    described: Variables = {
        "mean": (_CELL, table, "mean over items"),
        "gap": (_FACTOR, gap, f"mean in {pivot} minus the mean of the other languages"),
        "share": (_FACTOR, share[..., :2], "share of the variance of the means that the language explains"),
    }
    variables: Variables = {}
    for name, variable in described.items():
        variables[name] = variable
        for end, values in zip(("low", "high"), bounds[name], strict=True):
            variables[f"{name}_{end}"] = (variable[0], values, f"{end} end of the interval over items")
    variables["share_control_mean"] = (_FACTOR, np.array(chance), "mean share after the languages were shuffled")
    variables["share_p_value"] = (_FACTOR, np.array(p_values), "probability of such a share by chance, uncorrected")
    variables["interaction"] = (("metric",), share[..., 2], "share of the variance that both languages explain jointly")
    variables["compared"] = (("metric",), np.array(compared), "items that no cell lacks")
    return variables


def shares(table: np.ndarray) -> np.ndarray:
    """Shares of the variance of means [..., prompt, question]: [..., 3], prompt, question, interaction.

    Sums of squares of a table with one mean for each cell, over their total; NaN where all means are equal.
    """
    centred = table - table.mean((-2, -1), keepdims=True)
    total = (centred**2).sum((-2, -1))
    prompt = (centred.mean(-1) ** 2).sum(-1) * table.shape[-1]
    question = (centred.mean(-2) ** 2).sum(-1) * table.shape[-2]
    flat = total <= 1e-18 * np.maximum(1, (table**2).sum((-2, -1)))
    parts = np.stack([prompt, question, np.maximum(total - prompt - question, 0)], -1)
    return parts / np.where(flat, np.nan, total)[..., None]


def _cells(values: np.ndarray) -> np.ndarray:
    """Means over items; NaN where there are none."""
    return values.mean(-1) if values.shape[-1] else np.full(values.shape[:-1], np.nan)


def _drawn(values: np.ndarray, seed: int) -> np.ndarray:
    """Means of draws of items, [draw, prompt, question]; NaN for fewer than two items."""
    items = values.shape[-1]
    if items < 2:
        return np.full((_RESAMPLES, *values.shape[:2]), np.nan)
    return np.einsum("di,pqi->dpq", weights(items, _RESAMPLES, seed), values)


def _gaps(table: np.ndarray, codes: tuple[Sequence[str], Sequence[str]], pivot: str) -> np.ndarray:
    """The pivot's mean less that of the other languages, [..., 2]; NaN where there is no pivot or no other."""
    gaps = []
    for axis, languages in zip((-2, -1), codes, strict=True):
        means = table.mean(-1 if axis == -2 else -2)
        at = np.array([language == pivot for language in languages])
        known = at.any() and not at.all()
        gaps.append(means[..., at][..., 0] - means[..., ~at].mean(-1) if known else np.full(means.shape[:-1], np.nan))
    return np.stack(gaps, -1)


def _permuted(values: np.ndarray, factor: str, seed: int) -> tuple[float, float]:
    """Mean share of a factor after its languages were shuffled within each item and other language; and a p-value."""
    axis = FACTORS.index(factor)
    if values.shape[-1] == 0 or values.shape[axis] < 2:
        return np.nan, np.nan
    observed = shares(_cells(values))[axis]
    rng = np.random.default_rng([seed, axis])
    null = np.array([shares(_cells(rng.permuted(values, axis=axis)))[axis] for _ in range(_PERMUTATIONS)])
    if np.isnan(observed):
        return np.nan, np.nan
    return float(np.nanmean(null)), float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null)))
