"""Redraw: bootstrap draws of a score, from its samples or its intervals."""

import numpy as np
import xarray as xr
from scipy import stats

from workbench.heads.groups import AXES, SAMPLES
from workbench.results.bootstrap import weights
from workbench.results.companions import companions
from workbench.results.make import origin
from workbench.results.scores import NORMED
from workbench.text.clusters import recorded_clusters

DRAWS = 400


def redrawn(result: xr.Dataset, name: str, *, seed: int) -> tuple[np.ndarray | None, str]:
    """Bootstrap draws of a score, [draw, language, layer, head], and whether they are of its "texts" or "intervals".

    None and "nothing" where it has neither.
    """
    samples, made = samples_of(result, name), origin(result)
    if samples is not None:
        languages, rows = result["language"].to_numpy().tolist(), result["sample"].to_numpy().tolist()
        clusters = recorded_clusters(made.get("corpus"), languages, rows, joint=True)
        drawn = draws(samples, seed=seed, clusters=clusters)
        return per_layer(drawn) if result[name].attrs.get(NORMED) == "layer" else drawn, "texts"
    beside = companions(result, name)
    if {"low", "high"} <= set(beside):
        low, high, value = (
            variable.transpose(*AXES).to_numpy() for variable in (beside["low"], beside["high"], result[name])
        )
        level = (made.get("parameters") or {}).get("level") or 0.95
        spread = (high - low) / (2 * stats.norm.ppf((1 + level) / 2))
        if np.isfinite(spread).any():
            noise = np.random.default_rng(seed).normal(size=(DRAWS, *value.shape))
            return value + noise * np.where(np.isfinite(spread), spread, 0.0), "intervals"
    return None, "nothing"


def samples_of(result: xr.Dataset, name: str) -> np.ndarray | None:
    """Each text's part in the score, [language, sample, layer, head], or None where it was not recorded."""
    own = f"sample_{name}"
    if own in result and set(result[own].dims) == set(SAMPLES):
        return result[own].transpose(*SAMPLES).to_numpy().astype(float)
    variant = (origin(result).get("parameters") or {}).get("variant")
    # LAHIS is a mean of clipped slopes, and its Result holds the slopes.
    if name == "importance" and "sample_gradient" in result and variant in (None, "paper"):
        slopes = result["sample_gradient"].transpose(*SAMPLES).to_numpy().astype(float)
        return np.where(slopes < 0, -slopes, np.where(np.isnan(slopes), np.nan, 0.0))
    return None


def draws(samples: np.ndarray, *, seed: int, count: int = DRAWS, clusters: np.ndarray | None = None) -> np.ndarray:
    """Means of redrawn texts, [draw, language, layer, head]; all heads of a language share the drawn texts.

    Languages with the same number of texts draw the same rows, so that the rows of an aligned corpus stay together.
    Samples of one cluster [language, sample] are drawn together.
    """
    means = np.empty((count, len(samples), *samples.shape[2:]))
    for k, values in enumerate(samples):
        there = ~np.isnan(values).all((1, 2))
        own = np.arange(max(1, int(there.sum()))) if clusters is None or not there.any() else clusters[k, there]
        counts = weights(own, count, seed)
        rows = values[there] if there.any() else values[:1]
        means[:, k] = np.einsum("ds,slh->dlh", counts, rows)
    return means


def per_layer(scores: np.ndarray) -> np.ndarray:
    """Scores [..., layer, head] divided by the root of the sum of squares of their layer."""
    norm = np.sqrt((scores**2).sum(-1, keepdims=True))
    return np.divide(scores, norm, out=np.zeros_like(scores), where=norm > 0)
