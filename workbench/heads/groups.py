"""Groups of heads: read, the strongest of a score, and random ones of the same layers."""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite, shown
from workbench.errors import BadArgument
from workbench.results import groups as units
from workbench.results.scores import read_score

AXES = ("language", "layer", "head")
SAMPLES = ("language", "sample", "layer", "head")

read_heads = partial(units.read_units, unit="head")
read_groups = partial(units.read_groups, unit="head", share=0.02)
random_groups = partial(units.random_groups, unit="head", reuse_own=True)


def chosen_heads(heads: Iterable[Sequence[int]], layers: int, width: int) -> np.ndarray:
    """Heads from (layer, head) pairs or a mask, at least one: [layer, head] bool.

    Raises:
        BadArgument: none, or one that does not exist.
    """
    mask = read_heads(heads, layers, width)
    if not mask.any():
        raise BadArgument(f"heads={shown(heads)} names none; give (layer, head) pairs")
    return mask


@checked
def top(result: xr.Dataset, *, share: float = 0.02, own: bool = False) -> dict[str, list[tuple[int, int]]]:
    """The strongest heads of every language: the groups that the LAHIS paper switches off (2 %) or scales (1 %).

    Args:
        result: of `importance`, `ablate`, `shapley` or any other score [language, layer, head] (see `HeadScore`).
            Heads that were not measured (NaN) are never taken.
        share: of all heads, above 0 to 1; at least one head is taken. Equal scores are taken in the order of the
            layers.
        own: rank by how much a head's part of the language's whole score (scores below 0 count as 0) exceeds its mean
            part in the other languages. The heads that every language needs would otherwise be every language's group.

    Returns:
        Language to its (layer, head) pairs, strongest first; what `knockout` takes.

    Raises:
        BadArgument: no score in `result`, a share out of range, or one language alone with `own`.

    Source:
        arXiv 2511.07498, sections 4 and 5; `own` is ours.

    Example:
        >>> wb.heads.knockout(model, corpus, wb.heads.top(result, share=0.02))                   # doctest: +SKIP
    """
    finite("share", share, above=0, at_most=1)
    scores = read_score(result, AXES)
    scores = _beyond_others(scores) if own else scores
    return units.strongest(scores, share)


def _beyond_others(scores: xr.DataArray) -> xr.DataArray:
    """Each head's part of its language's score less its mean part in the other languages, [language, layer, head]."""
    if scores.sizes["language"] < 2:
        raise BadArgument("own=True compares languages; this result has one")
    parts = scores.clip(min=0)
    parts = parts / parts.sum(("layer", "head"))
    return parts - (parts.sum("language") - parts) / (parts.sizes["language"] - 1)
