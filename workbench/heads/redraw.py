"""Redraw: scores as other texts would have given them, from samples or from intervals."""

import numpy as np
import xarray as xr
from scipy import stats

from workbench.results.bootstrap import weights
from workbench.results.companions import companions
from workbench.results.make import provenance
from workbench.results.scores import NORMED
from workbench.text.clusters import recorded_clusters

DRAWS = 400
_AXES = ("language", "layer", "head")


def redrawn(result: xr.Dataset, name: str, *, seed: int) -> tuple[np.ndarray | None, str]:
    """Bootstrap draws of a score, [draw, language, layer, head], and where they come from.

    Args:
        result: with the score.
        name: of the score.
        seed: of the draws.

    Returns:
        The draws and "texts", "intervals" or, with None for the draws, "nothing".
    """
    samples = samples_of(result, name)
    if samples is not None:
        drawn = draws(samples, seed=seed, clusters=_clusters(result))
        return per_layer(drawn) if result[name].attrs.get(NORMED) == "layer" else drawn, "texts"
    beside = companions(result, name)
    if {"low", "high"} <= set(beside):
        low, high, value = (one.transpose(*_AXES).to_numpy() for one in (beside["low"], beside["high"], result[name]))
        made = provenance(result) if "provenance" in result.attrs else {}
        level = (made.get("parameters") or {}).get("level") or 0.95
        spread = (high - low) / (2 * stats.norm.ppf((1 + level) / 2))
        if np.isfinite(spread).any():
            noise = np.random.default_rng(seed).normal(size=(DRAWS, *value.shape))
            return value + noise * np.where(np.isfinite(spread), spread, 0.0), "intervals"
    return None, "nothing"


def samples_of(result: xr.Dataset, name: str) -> np.ndarray | None:
    """Each text's part in the score, [language, sample, layer, head], or None where it was not kept."""
    axes = ("language", "sample", "layer", "head")
    own = f"sample_{name}"
    if own in result and set(result[own].dims) == set(axes):
        return result[own].transpose(*axes).to_numpy().astype(float)
    variant = ((provenance(result).get("parameters") or {}) if "provenance" in result.attrs else {}).get("variant")
    # LAHIS is a mean of clipped slopes, and its Result holds the slopes.
    if name == "importance" and "sample_gradient" in result and variant in (None, "paper"):
        slopes = result["sample_gradient"].transpose(*axes).to_numpy().astype(float)
        return np.where(slopes < 0, -slopes, np.where(np.isnan(slopes), np.nan, 0.0))
    return None


def _clusters(result: xr.Dataset) -> np.ndarray | None:
    """Which samples are one text, [language, sample], as the Result's provenance says; None where none is repeated."""
    if "provenance" not in result.attrs:
        return None
    languages, rows = result["language"].to_numpy().tolist(), result["sample"].to_numpy().tolist()
    return recorded_clusters(provenance(result).get("corpus"), languages, rows, joint=True)


def draws(samples: np.ndarray, *, seed: int, count: int = DRAWS, clusters: np.ndarray | None = None) -> np.ndarray:
    """Means of redrawn texts, [draw, language, layer, head]; every head of a language sees the same texts.

    Languages with the same number of texts draw the same rows, so that the rows of an aligned corpus stay together.
    Samples of one cluster [language, sample] are drawn together.
    """
    found = np.empty((count, len(samples), *samples.shape[2:]))
    for k, one in enumerate(samples):
        there = ~np.isnan(one).all((1, 2))
        own = np.arange(max(1, int(there.sum()))) if clusters is None or not there.any() else clusters[k, there]
        counts = weights(own, count, seed)
        rows = one[there] if there.any() else one[:1]
        found[:, k] = np.einsum("ds,slh->dlh", counts, rows)
    return found


def per_layer(scores: np.ndarray) -> np.ndarray:
    """Scores [..., layer, head] divided by the root of the sum of squares of their layer."""
    norm = np.sqrt((scores**2).sum(-1, keepdims=True))
    return np.divide(scores, norm, out=np.zeros_like(scores), where=norm > 0)
