"""Groups of neurons: read, and random ones of the same layers."""

import zlib
from functools import partial

import numpy as np

from workbench.errors import BadArgument
from workbench.results import groups as units

read_groups = partial(units.read_groups, unit="neuron", share=0.01)


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
