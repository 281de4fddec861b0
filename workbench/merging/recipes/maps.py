"""Maps of layers: from which expert each layer of a swap comes, and the maps that it is measured against."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadArgument

Place = Literal["language", "task", "base", "mean"]
PLACES = ("language", "task", "base", "mean")
"""Where a layer may come from; `mean` is that of the two experts."""

_OF = 32  # layers of the models that the papers' numbers are of


@checked
def layer_map(layers: int, *, bottom: int = 5, top: int = 2, seams: int = 1) -> list[str]:
    """The map of a swap: the language expert below and above, the task expert between, means at the seams.

    The numbers are of 32 layers, as in Bandarkar et al. (2025), https://arxiv.org/abs/2410.01335; for another
    depth they are scaled and rounded, to 1 at least. With bottom=6, seams=0 it is the map of
    https://arxiv.org/abs/2505.18356.

    Args:
        layers: of the model.
        bottom: first layers, from the language expert.
        top: last layers, from the language expert.
        seams: layers at each border that are the mean of both experts; 0 for none.

    Returns:
        "language", "task" or "mean" for each layer.

    Raises:
        BadArgument: no layer is left for the task expert.

    Example:
        >>> layer_map(6)
        ['language', 'mean', 'task', 'task', 'mean', 'language']
    """
    whole_number("layers", layers, at_least=1)
    first, last, seam = (
        _scaled(whole_number(name, value), layers)
        for name, value in (("bottom", bottom), ("top", top), ("seams", seams))
    )
    between = layers - first - last - (bool(first) + bool(last)) * seam
    if between < 1:
        raise BadArgument(
            f"bottom={bottom}, top={top}, seams={seams} of {_OF} are {first}, {last} and {seam} of {layers} layers, "
            "which leaves none to the task expert; give smaller ones"
        )
    below = ["language"] * first + ["mean"] * (seam if first else 0)
    above = ["mean"] * (seam if last else 0) + ["language"] * last
    return [*below, *["task"] * between, *above]


@checked
def mirrored(layers: Sequence[str]) -> list[str]:
    """A map with the two experts exchanged: what is left of an effect here does not come from the map.

    Args:
        layers: a map, as of `layer_map`.

    Raises:
        BadArgument: an entry that is no place.
    """
    other = {"language": "task", "task": "language"}
    return [other.get(place, place) for place in check_map(layers)]


@checked
def shuffled(layers: Sequence[str], *, count: int = 20, seed: int = 0) -> list[list[str]]:
    """Random maps that take as many layers from each expert as a map does, all different from it where that can be.

    Args:
        layers: a map, as of `layer_map`.
        count: how many.

    Raises:
        BadArgument: an entry that is no place.
    """
    own = check_map(layers)
    whole_number("count", count, at_least=1)
    generator = np.random.default_rng(seed)
    drawn: list[list[str]] = []
    while len(drawn) < count:
        order = [own[place] for place in generator.permutation(len(own))]
        if order != own or len(set(own)) == 1:
            drawn.append(order)
    return drawn


def check_map(layers: Sequence[str], count: int | None = None) -> list[str]:
    """A map as a list.

    Raises:
        BadArgument: an entry that is no place, or another number of layers than `count`.
    """
    places = [one_of(f"layers[{number}]", place, PLACES) for number, place in enumerate(layers)]
    if not places or (count is not None and len(places) != count):
        raise BadArgument(f"layers has {len(places)} entries; give one for each of the {count or 'model'} layers")
    return places


def _scaled(number: int, layers: int) -> int:
    return max(1, int(number * layers / _OF + 0.5)) if number else 0
