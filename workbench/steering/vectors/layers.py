"""Layers: values of each layer, at chosen layers alone."""

from collections.abc import Sequence

import numpy as np

from workbench.arguments import shown
from workbench.errors import BadArgument


def at_layers(values: np.ndarray, layers: int | Sequence[int] | None, *, axis: int = 0) -> np.ndarray:
    """The values where a layer along `axis` is chosen, 0 elsewhere; all when None.

    Raises:
        BadArgument: a layer that does not exist, or none.
    """
    count = values.shape[axis]
    chosen = list(range(count)) if layers is None else [layers] if isinstance(layers, int) else list(layers)
    unknown = [layer for layer in chosen if not 0 <= layer < count]
    if unknown or not chosen:
        raise BadArgument(f"layers={shown(layers)}; the layers are 0 to {count - 1}")
    shape = [1] * values.ndim
    shape[axis] = count
    return np.where(np.isin(np.arange(count), chosen).reshape(shape), values, 0.0)
