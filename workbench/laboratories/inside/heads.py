"""Heads: how far training changes which heads matter to a language."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from workbench.errors import BadResult
from workbench.laboratories.inside.variables import DRAWS, from_draws
from workbench.merging.diffing.heads import spearman
from workbench.results.bootstrap import weights
from workbench.results.make import Variables

_AXES = ("language", "sample", "layer", "head")


def heads(states: Sequence[xr.Dataset], *, level: float, seed: int) -> Variables:
    """Compare the heads' importance (LAHIS) in every condition with that before.

    Texts are drawn again, the same in every condition; repeats of a text are drawn together.

    Args:
        states: what `look` returned of before, the recipe and the controls.
        level: of the intervals.
        seed: of the draws.

    Raises:
        BadResult: other languages, texts, layers or heads than before.
    """
    worked = [_importance(state) for state in states]
    if len(shapes := {each.shape for each in worked}) > 1:
        raise BadResult(f"importance of heads has the shapes {sorted(shapes)}; look at checkpoints of one model")
    clusters = states[0].sample_cluster.transpose(*_AXES[:2]).values
    values, drawn = [], []
    for k, own in enumerate(clusters):
        there = (own >= 0) & ~np.isnan(worked[0][k]).any((1, 2))
        texts = np.stack([each[k][there] for each in worked])  # [condition, sample, layer, head]
        values.append(_statistics(texts.mean(1)[None]))
        counts = weights(own[there], DRAWS, seed)
        drawn.append(_statistics(np.einsum("ds,cslh->dclh", counts, texts)))
    variables: Variables = {}
    for name, (axes, about) in _ABOUT.items():
        value, redrawn = (np.stack([language[name] for language in each]) for each in (values, drawn))
        value, redrawn = value[:, 0], redrawn  # [language, condition, ...], [language, draw, condition, ...]
        if "language" in axes:
            variables |= from_draws(
                name, np.moveaxis(value, 0, 1), np.moveaxis(redrawn, 0, 2), axes, about, level=level
            )
        mean, redrawn = value.mean(0), redrawn.mean(0)
        rest = tuple(axis for axis in axes if axis != "language")
        own_name = f"mean_{name}" if "language" in axes else name
        variables |= from_draws(own_name, mean, redrawn, rest, f"mean over languages of the {about}", level=level)
    return variables


_ABOUT: dict[str, tuple[tuple[str, ...], str]] = {
    "rank": (("language",), "rank correlation of the heads' importance with that before"),
    "heads_moved": (("layer",), "change of the heads' importance, in shares of the layer's importance before"),
}


def _importance(state: xr.Dataset) -> np.ndarray:
    """Each text's part in the importance, [language, sample, layer, head] in nats."""
    slopes = state.sample_gradient.transpose(*_AXES).values.astype(np.float64)
    return np.where(np.isnan(slopes), np.nan, np.maximum(-slopes, 0))


def _statistics(importance: np.ndarray) -> dict[str, np.ndarray]:
    """`rank[draw, condition]`, `heads_moved[draw, condition, layer]` of importance [draw, condition, layer, head]."""
    flat = importance.reshape(*importance.shape[:2], -1)
    rank = np.stack([spearman(flat[:, 0], flat[:, condition]) for condition in range(flat.shape[1])], axis=1)
    before = importance[:, :1]
    moved, whole = abs(importance - before).sum(-1), before.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"rank": rank, "heads_moved": np.where(whole > 0, moved / whole, np.nan)}
