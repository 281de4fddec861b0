"""Edits of an evaluation: scales of heads and neurons, from pairs, masks or numbers, and directions."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import shown
from workbench.errors import BadArgument
from workbench.model.edits import vectors_of
from workbench.model.model import Model
from workbench.results.groups import read_units
from workbench.results.reading.directions import described


def scales_of(
    model: Model, *, heads: Any = None, neurons: Any = None, directions: xr.Dataset | None = None
) -> dict[str, Any]:
    """Arguments of `edited`: the scales of what is given, as [layer, unit], and what is added, as [layer, d].

    Args:
        model: the model.
        heads: scales [layer, head] as numbers; or (layer, head) pairs or a mask of what is switched off.
        neurons: the same of neurons.
        directions: a Result with `direction[layer, d]`.

    Raises:
        BadArgument: a unit that does not exist, or scales of another shape or that are not finite.
        BadResult: a direction of another model, or with numbers that are NaN or infinite.
    """
    scales: dict[str, Any] = {}
    for name, units, width in (("heads", heads, model.n_heads), ("neurons", neurons, model.n_neurons)):
        if units is not None:
            model.require(name.removesuffix("s"))
            scales[name] = _scales(units, name, model.n_layers, width)
    return scales if directions is None else {**scales, "directions": vectors_of(model, directions)}


def recorded(scales: dict[str, Tensor]) -> dict[str, Any]:
    """What provenance records of an edit: the cells that are scaled and their scales; what is added."""
    return {
        name: described(values.cpu().numpy())
        if name == "directions"
        else [[*cell, round(float(values[tuple(cell)]), 6)] for cell in (values != 1).nonzero().tolist()]
        for name, values in scales.items()
    }


def _scales(units: Any, name: str, layers: int, width: int) -> Tensor:
    values = units.detach().cpu().numpy() if isinstance(units, Tensor) else units
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        if values.shape != (layers, width) or not np.isfinite(values).all():
            raise BadArgument(f"{name} has shape {list(values.shape)}; give finite scales of [{layers}, {width}]")
        return torch.as_tensor(values, dtype=torch.float32)
    if isinstance(values, str | bytes | dict) or not hasattr(values, "__iter__"):
        raise BadArgument(f"{name}={shown(units)}; give (layer, {name.removesuffix('s')}) pairs, a mask, or scales")
    off = read_units(values, layers, width, unit=name.removesuffix("s"))
    return torch.from_numpy(1.0 - off.astype(np.float32))
