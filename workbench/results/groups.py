"""Groups of heads or neurons: read from a Result or a dict, and random control groups from the same layers."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import shown
from workbench.errors import BadArgument, BadResult
from workbench.results.scores import listed, read_score, score_name

Groups = xr.Dataset | Mapping[Any, Iterable[Sequence[int]]]
"""A Result with `member[language, layer, head]` or `[language, layer, neuron]`, one with a score in these axes, whose
strongest units are taken, or group -> (layer, unit) pairs."""


def read_units(units: Iterable[Sequence[int]], layers: int, width: int, *, unit: str, of: str = "") -> np.ndarray:
    """Units from (layer, unit) pairs or from a [layer, unit] mask of booleans: [layer, unit] bool.

    Args:
        units: the pairs, or the mask.
        layers: layers of the model.
        width: units of each layer.
        unit: name of the unit: head or neuron.
        of: location for error messages, such as " in group 'de'".

    Raises:
        BadArgument: no such unit; states the valid range.
    """
    if isinstance(units, xr.DataArray) and set(units.dims) == {"layer", unit}:
        units = units.transpose("layer", unit)
    if isinstance(units, np.ndarray | xr.DataArray) and units.dtype == bool and units.shape == (layers, width):
        return np.array(units, dtype=bool)
    mask = np.zeros((layers, width), dtype=bool)
    allowed = f"there are layers 0 to {layers - 1} and {unit}s 0 to {width - 1}"
    for pair in units:
        if not is_pair(pair):
            raise BadArgument(f"{shown(pair)}{of} is not a (layer, {unit}) pair; {allowed}")
        layer, place = (int(number) for number in pair)
        if not (0 <= layer < layers and 0 <= place < width):
            raise BadArgument(f"{unit} {place} of layer {layer}{of} does not exist; {allowed}")
        mask[layer, place] = True
    return mask


def is_pair(pair: Any) -> bool:
    """Whether it is two whole numbers."""
    if not isinstance(pair, Sequence | np.ndarray) or len(pair) != 2:
        return False
    return all(isinstance(number, int | np.integer) and not isinstance(number, bool) for number in pair)


def strongest(scores: xr.DataArray, share: float) -> dict[str, list[tuple[int, int]]]:
    """The units with the highest scores [language, layer, unit] of every language, strongest first.

    At least one unit is taken, and none that was not measured (NaN); ties are taken in the order of the layers.
    """
    count = max(1, round(share * scores[0].size))
    units = {}
    for name, values in zip(scores["language"].to_numpy().tolist(), scores.values, strict=True):
        order = np.argsort(-np.where(np.isnan(values), -np.inf, values), axis=None, kind="stable")[:count]
        cells = [divmod(int(place), values.shape[1]) for place in order]
        units[str(name)] = [cell for cell in cells if not np.isnan(values[cell])]
    return units


def read_groups(groups: Groups, layers: int, width: int, *, unit: str, share: float) -> dict[str, np.ndarray]:
    """The units of every group: name -> [layer, unit] bool.

    Args:
        groups: a Result with `member[language, layer, unit]` or, where it has none, a score in these axes, whose
            languages become the groups, or a dict of (layer, unit) pairs by group.
        layers: layers of the model.
        width: units of each layer.
        unit: name of the unit: head or neuron.
        share: share of all units taken from a score.

    Raises:
        BadResult: a Dataset without `member` and score, or of another model's shape.
        BadArgument: no group, or a unit that does not exist.
    """
    if not isinstance(groups, xr.Dataset):
        if not isinstance(groups, Mapping) or not groups:
            raise BadArgument(
                f"{type(groups).__name__} names no group of {unit}s; give a Result with `member`, or a dict such as "
                "{'de': [(0, 3), (2, 1)]}"
            )
        return {
            str(name): read_units(pairs, layers, width, unit=unit, of=f" in group {str(name)!r}")
            for name, pairs in groups.items()
        }
    axes = ("language", "layer", unit)
    if "member" in groups and set(groups.member.dims) == set(axes):
        member = groups.member.transpose(*axes)
    elif "member" not in groups and score_name(groups, axes):
        member = read_score(groups, axes)
    else:
        raise BadResult(f"groups come from member[{', '.join(axes)}] or a score; this Result has {listed(groups)}")
    if member.shape[1:] != (layers, width):
        raise BadResult(
            f"{member.name} has {member.shape[1]} layers of {member.shape[2]} {unit}s, the model has {layers} of "
            f"{width}: these groups belong to another model"
        )
    if member.name != "member":
        return read_groups(strongest(member, share), layers, width, unit=unit, share=share)
    if not np.isin(member.values, (0, 1)).all():
        raise BadResult(f"member says of each {unit} whether it belongs to a group: true or false, 1 or 0")
    names = groups["language"].to_numpy().tolist()
    return {str(name): member.values[i].astype(bool) for i, name in enumerate(names)}


def random_groups(
    name: str, mask: np.ndarray, count: int, *, seed: int, unit: str, reuse_own: bool = False
) -> np.ndarray:
    """Random groups with as many units per layer as this group, drawn outside it: [draw, layer, unit] bool.

    The draws depend on the seed and the group's name alone, not on the other groups.

    Args:
        name: of the group.
        mask: its units, [layer, unit] bool.
        count: of the groups to draw.
        seed: of the draws.
        unit: name of the unit: head or neuron.
        reuse_own: if a layer has too few units outside the group, fill up with the group's own. A layer has few heads,
            so a group often takes more than half of them; for neurons, too few is an error.

    Raises:
        BadArgument: without `reuse_own`, a layer has fewer units outside the group than in it.
    """
    drawn = np.zeros((count, *mask.shape), dtype=bool)
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    layers = np.flatnonzero(mask.any(1)).tolist()
    if reuse_own:
        for draw, layer in product(range(count), layers):
            outside = generator.permutation(np.flatnonzero(~mask[layer]))
            inside = generator.permutation(np.flatnonzero(mask[layer]))
            drawn[draw, layer, np.concatenate([outside, inside])[: len(inside)]] = True
        return drawn
    for layer, draw in product(layers, range(count)):
        others, size = np.flatnonzero(~mask[layer]), int(mask[layer].sum())
        if len(others) < size:
            raise BadArgument(
                f"group {name!r} has {size} of the {mask.shape[1]} {unit}s of layer {layer}: too few are left to draw "
                "a random group of that size from; make the group smaller, or set controls=0"
            )
        drawn[draw, layer, generator.choice(others, size, replace=False)] = True
    return drawn
