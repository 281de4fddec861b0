"""Heads: how the importance of each head for each language differs between two models."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from workbench.errors import BadResult
from workbench.heads.scores.lahis import importance
from workbench.merging.diffing.same import require_same_shape, require_same_tokens
from workbench.model.model import Model
from workbench.results.bootstrap import ends_of_known_draws, weights
from workbench.results.interval_ends import interval_ends
from workbench.results.make import make_result, origin
from workbench.results.statistics import corrected, interval, p_value
from workbench.text.corpus import Corpus

_AXES = ("language", "layer", "head")
_DRAWS = 1000


def heads(before: Model, after: Model, corpus: Corpus, *, level: float = 0.95, **how: Any) -> xr.Dataset:
    """`heads.importance` of both models, and `change_of_heads` of the two.

    Args:
        before: the first model.
        after: the second.
        corpus: texts by language.
        level: confidence level of every interval.
        **how: further options of `heads.importance`.
    """
    require_same_tokens(before, after)
    require_same_shape(before, after, "layers", "heads")
    first, second = (importance(model, corpus, per_sample=True, level=level, **how) for model in (before, after))
    return change_of_heads(first, second, clusters=corpus.clusters, level=level, seed=how.get("seed", 0))


def change_of_heads(
    first: xr.Dataset, second: xr.Dataset, *, clusters: np.ndarray, level: float = 0.95, seed: int = 0
) -> xr.Dataset:
    """How the importance of heads differs between two models on the same texts.

    Args:
        first: what `heads.importance` returned with `per_sample=True`.
        second: the same of the other model.
        clusters: of equal texts, [language, sample].
        level: confidence level of every interval.
        seed: of the bootstrap.

    Returns:
        `change[language, layer, head]` in nats, after minus before, with `low` and `high` over paired texts and the
        corrected `p_value` that it is 0; `importance_before`, `importance_after`; `rank_correlation[language]`, that of
        all heads' importance in both models (Spearman), with its interval over texts.

    Raises:
        BadResult: gradients of single texts are missing.
    """
    if "sample_gradient" not in first or "sample_gradient" not in second:
        raise BadResult("importance of each text is needed: give what `heads.importance` returned with per_sample=True")
    worked = []  # each text's importance, [language, sample, layer, head]
    for result in (first, second):
        slopes = result.sample_gradient.transpose("language", "sample", "layer", "head").values.astype(np.float64)
        worked.append(np.where(np.isnan(slopes), np.nan, np.maximum(-slopes, 0)))
    gap, each = worked[1] - worked[0], clusters[:, :, None, None]
    means = [result.importance.transpose(*_AXES).values for result in (first, second)]
    p = corrected(p_value(gap, axis=1, clusters=each))
    rank, bounds = _rank_correlations(worked, clusters, level, seed)
    about = origin(second)
    return make_result(
        {
            "change": (_AXES, means[1] - means[0], "change of the importance [nats]"),
            **interval_ends(_AXES, interval(gap, axis=1, level=level, seed=seed, clusters=each), "change", level=level),
            "p_value": (_AXES, p, "p-value that the change is 0, corrected"),
            "importance_before": (_AXES, means[0], "importance before [nats]"),
            "importance_after": (_AXES, means[1], "importance after [nats]"),
            "rank_correlation": (("language",), rank, "rank correlation of the heads' importance before and after"),
            **interval_ends(("language",), bounds, "it over texts", level=level, name="rank_correlation"),
        },
        {"language": first["language"].to_numpy().tolist()},
        method="merging.side_by_side",
        owners={"change": ["low", "high", "p_value"]},
        score="change",
        parameters={"part": "heads", "before": origin(first).get("model"), "level": level},
        model=about.get("model"),
        corpus=about.get("corpus"),
        seed=seed,
    )


def _rank_correlations(
    worked: list[np.ndarray], clusters: np.ndarray, level: float, seed: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Spearman's correlation over heads per language, [language], and its bootstrap interval over texts."""
    values = np.full(len(clusters), np.nan)
    ends = np.full((2, len(clusters)), np.nan)
    for k, own in enumerate(clusters):
        there = (own >= 0) & ~np.isnan(worked[0][k]).any((1, 2))
        texts = [model[k][there].reshape(there.sum(), -1) for model in worked]
        if not there.any():
            continue
        values[k] = spearman(*(part.mean(0)[None] for part in texts))[0]
        if len(np.unique(own[there])) > 1:
            drawn = weights(own[there], _DRAWS, seed)
            correlations = spearman(*(drawn @ part for part in texts))
            ends[:, k] = ends_of_known_draws(correlations, level)
    return values, (ends[0], ends[1])


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rank correlations of the rows of two tables [row, item], [row]; NaN where all items of a row are equal."""
    ranks = [rankdata(values, axis=1) for values in (first, second)]
    centred = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    size = np.sqrt((centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, (centred[0] * centred[1]).sum(1) / size, np.nan)
