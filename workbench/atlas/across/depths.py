"""Relative depth: layers of models of any number of layers on one scale from 0, the first, to 1, the last."""

import numpy as np


def depths(layers: int) -> np.ndarray:
    """The depth of each layer, [layer]: layer / (layers - 1)."""
    return np.arange(layers) / (layers - 1)


def grid_weights(layers: int, grid: np.ndarray) -> np.ndarray:
    """Weights [layer, point] of linear interpolation: values [..., layer] @ weights are the values on the grid."""
    own = depths(layers)
    return np.stack([np.interp(grid, own, row) for row in np.eye(layers)])


def thirds(layers: int) -> np.ndarray:
    """Which third of the layers each is in, [layer] of 0, 1, 2: by the middle of the layer, (layer + 1/2) / layers."""
    return (3 * (2 * np.arange(layers) + 1)) // (2 * layers)


def middle_states(states: int) -> np.ndarray:
    """Indices of the states whose depth is from 1/3 to 2/3; the two around 1/2 where there are none."""
    place = np.arange(states)
    inside = np.flatnonzero((3 * place >= states - 1) & (3 * place <= 2 * (states - 1)))
    return inside if len(inside) else np.array([(states - 1) // 2, states // 2])
