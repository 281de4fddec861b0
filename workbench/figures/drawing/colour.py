"""The colour scale that a variable's numbers call for."""

from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing import style

_SIGNED = ("delta", "gradient", "effect")


def is_signed(values: xr.DataArray) -> bool:
    """True where zero is in the middle of what the numbers can mean: by name, or because some are negative."""
    name = str(values.name)
    return any(word in name for word in _SIGNED) or bool((values.values < 0).any())


def colour_axis(values: xr.DataArray, *, height: int) -> dict[str, Any]:
    """Shared colour axis: symmetric around zero for signed numbers, from zero up for the others.

    Args:
        values: Numbers; NaN is drawn as a hole.
        height: Of the plot, pixels; the bar is never taller.
    """
    finite = values.values[np.isfinite(values.values)].astype(float)
    bar = {
        "thickness": 13,
        "lenmode": "pixels",
        "len": min(height, 300),
        "y": 1,
        "yanchor": "top",
        "x": 1.015,
        "ypad": 0,
        "outlinewidth": 0,
        "tickfont": {"size": 11},
        "ticks": "outside",
        "ticklen": 3,
        "nticks": 7,
    }
    if units := values.attrs.get("units"):
        bar["title"] = {"text": str(units), "font": {"size": 11}, "side": "top"}
    if is_signed(values):
        limit = float(np.abs(finite).max()) if finite.size and np.abs(finite).max() > 0 else 1.0
        return {"colorscale": style.DIVERGING, "cmin": -limit, "cmax": limit, "cmid": 0, "colorbar": bar}
    high = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    return {"colorscale": style.SEQUENTIAL, "cmin": 0.0, "cmax": high, "colorbar": bar}
