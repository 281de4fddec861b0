"""Groups of neurons: read from a Result or a dict, checked, and matched by random neurons of the same layers."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, BadResult

Members = xr.Dataset | Mapping[Any, Iterable[Sequence[int]]]
"""A Result of `lape`, `ternary`, `experts` or `plnd`, or group -> (layer, neuron) pairs."""


def read_groups(members: Members, layers: int, neurons: int) -> dict[str, np.ndarray]:
    """The neurons of every group: name -> [layer, neuron] bool.

    Args:
        members: a Result with `member[language, layer, neuron]`, or a dict of (layer, neuron) pairs by group.
        layers: layers of the model.
        neurons: neurons of each layer.

    Raises:
        BadResult: a Dataset without `member`, or of another model's shape.
        BadArgument: no group, or a neuron that does not exist.
    """
    if isinstance(members, xr.Dataset):
        return _of_result(members, layers, neurons)
    if not isinstance(members, Mapping) or not members:
        raise BadArgument(
            f"members={type(members).__name__} names no group; give a Result with `member`, or a dict such as "
            "{'de': [(0, 17), (3, 5)]}"
        )
    return {str(name): _of_pairs(str(name), pairs, layers, neurons) for name, pairs in members.items()}


def _of_result(members: xr.Dataset, layers: int, neurons: int) -> dict[str, np.ndarray]:
    wanted = ("language", "layer", "neuron")
    if "member" not in members or set(members.member.dims) != set(wanted):
        has = ", ".join(f"{name}[{', '.join(map(str, v.dims))}]" for name, v in members.data_vars.items())
        raise BadResult(f"groups come from member[{', '.join(wanted)}]; this Result has {has or 'no variables'}")
    values = members.member.transpose(*wanted)
    if values.shape[1:] != (layers, neurons):
        raise BadResult(
            f"member has {values.shape[1]} layers of {values.shape[2]} neurons, the model has {layers} of {neurons}: "
            "these classes belong to another model"
        )
    names = members["language"].to_numpy().tolist()
    return {str(name): values.values[i].astype(bool) for i, name in enumerate(names)}


def _of_pairs(name: str, pairs: Iterable[Sequence[int]], layers: int, neurons: int) -> np.ndarray:
    mask = np.zeros((layers, neurons), dtype=bool)
    allowed = f"layers 0 to {layers - 1} and neurons 0 to {neurons - 1}"
    for pair in pairs:
        try:
            layer, neuron = (int(number) for number in pair)
        except (TypeError, ValueError):
            raise BadArgument(
                f"{pair!r} in group {name!r} is not a (layer, neuron) pair; there are {allowed}"
            ) from None
        if not (0 <= layer < layers and 0 <= neuron < neurons):
            raise BadArgument(f"neuron {neuron} of layer {layer} in group {name!r} does not exist; there are {allowed}")
        mask[layer, neuron] = True
    return mask


def random_groups(name: str, mask: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Random groups with as many neurons in each layer as this one, none of them its own: [draw, layer, neuron] bool.

    The draws depend on the seed and the group's name alone, not on the other groups.

    Raises:
        BadArgument: a layer has fewer other neurons than the group has.
    """
    found = np.zeros((count, *mask.shape), dtype=bool)
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    for layer in np.flatnonzero(mask.any(1)) if count else ():
        others, size = np.flatnonzero(~mask[layer]), int(mask[layer].sum())
        if len(others) < size:
            raise BadArgument(
                f"group {name!r} has {size} of the {mask.shape[1]} neurons of layer {layer}: too few are left to draw "
                "a random group of that size from; make the group smaller, or set controls=0"
            )
        for draw in range(count):
            found[draw, layer, generator.choice(others, size, replace=False)] = True
    return found
