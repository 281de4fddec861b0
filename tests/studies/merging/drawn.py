"""The numbers of a figure that was read from a report."""

import base64

import numpy as np


def numbers(trace):
    """The cells of a heatmap, [y, x]; in a file they are bytes with a type and a shape."""
    cells = trace.z
    if isinstance(cells, dict):
        shape = [int(size) for size in str(cells["shape"]).split(",")]
        return np.frombuffer(base64.b64decode(cells["bdata"]), np.dtype(cells["dtype"])).reshape(shape)
    return np.asarray(cells, dtype=float)
