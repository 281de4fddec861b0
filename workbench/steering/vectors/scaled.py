"""Scaled: a direction at chosen layers, as long as a strength says."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite
from workbench.errors import BadResult
from workbench.steering.vectors.layers import at_layers

Unit = Literal["residual", "direction"]


@checked
def scaled(
    direction: xr.Dataset,
    *,
    strength: float,
    layers: int | Sequence[int] | None = None,
    unit: Unit = "residual",
) -> xr.Dataset:
    """Make what is added: a direction at chosen layers, 0 elsewhere, in a strength that compares between layers.

    Args:
        direction: of `directions`, of one language or several.
        strength: below 0 moves away from the language.
        layers: where; every layer of the direction when None.
        unit: `"residual"`: at strength 1 the vector of a layer is as long as a state is there on average
            (`residual_norm`); `"direction"`: it is the direction itself.

    Returns:
        The Result with `direction[..., layer, d]` as it is added; the attributes `added_strength` and `unit` say how.

    Raises:
        BadArgument: a layer that does not exist, or a strength that is no finite number.
        BadResult: no direction, one with numbers that are NaN or infinite, or none with `residual_norm`, which the
            unit needs.

    Example:
        >>> german = wb.steering.scaled(vectors.sel(language="de"), strength=0.5, layers=3)      # doctest: +SKIP
        >>> wb.evaluation.accuracy(model, task, directions=german)                               # doctest: +SKIP
    """
    strength = finite("strength", strength)
    if "direction" not in direction or not {"layer", "d"} <= {*direction["direction"].dims}:
        raise BadResult("this result has no direction[layer, d]; give that of wb.steering.directions")
    values = direction["direction"].transpose(..., "layer", "d")
    vectors = at_layers(values.to_numpy().astype(np.float64), layers, axis=values.ndim - 2)
    if not np.isfinite(vectors).all():
        raise BadResult("direction has values that are NaN or infinite; set those to 0 to add nothing there")
    if unit == "residual":
        if "residual_norm" not in direction:
            raise BadResult("this direction has no residual_norm[layer]; give it, or use unit='direction'")
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        unit_vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        vectors = unit_vectors * direction["residual_norm"].to_numpy()[:, None]
    else:
        vectors = vectors * finite("strength", direction.attrs.get("strength", 1.0))
    made = direction.assign(direction=values.copy(data=strength * vectors)).drop_vars("length", errors="ignore")
    attrs = {name: value for name, value in direction.attrs.items() if name != "strength"}  # it is in the numbers now
    made.attrs = {**attrs, "added_strength": strength, "unit": unit}
    return made
