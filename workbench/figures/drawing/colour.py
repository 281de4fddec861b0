"""The colour scale that a variable's numbers call for."""

from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing import style
from workbench.figures.drawing.labels import describe

_USUAL = 0.995  # share of the numbers that the scale shows in any case
_FAR = 3  # times the usual end, beyond which the largest number would make all others pale
_SIGNED = ("delta", "gradient", "effect")


def is_signed(values: xr.DataArray) -> bool:
    """True where zero is in the middle of what the numbers can mean: by name, or because some are negative."""
    name = str(values.name)
    return any(word in name for word in _SIGNED) or bool((values.values < 0).any())


def colour_axis(values: xr.DataArray, *, height: int) -> dict[str, Any]:
    """Shared colour axis: symmetric around zero for signed numbers, from zero up for the others.

    Where few numbers are far larger than the others, the scale is clipped, and its title says where.

    Args:
        values: Numbers; NaN is drawn as a hole.
        height: Of the plot, pixels; the bar is never taller.
    """
    end, note = scale_end(values)
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
    if title := "<br>".join(filter(None, (str(values.attrs.get("units", "")), note))):
        bar["title"] = {"text": title, "font": {"size": 11}, "side": "top"}
    if is_signed(values):
        return {"colorscale": style.DIVERGING, "cmin": -end, "cmax": end, "cmid": 0, "colorbar": bar}
    return {"colorscale": style.SEQUENTIAL, "cmin": 0.0, "cmax": end, "colorbar": bar}


def colour_layout(values: xr.DataArray, *, height: int) -> dict[str, Any]:
    """The colour axis, and in `meta` what its numbers are, for figures without the line under the title."""
    return {"coloraxis": colour_axis(values, height=height), "meta": {"colour": describe(values)}}


def scale_end(values: xr.DataArray) -> tuple[float, str]:
    """Where the scale ends, and a note where numbers lie beyond its end."""
    sizes = np.abs(values.values[np.isfinite(values.values)].astype(float))
    largest = float(sizes.max()) if sizes.size else 0.0
    if largest <= 0:
        return 1.0, ""
    usual = float(np.quantile(sizes, _USUAL))
    if not 0 < usual * _FAR < largest:
        return largest, ""
    return usual, f"clipped at {'±' if is_signed(values) else ''}{usual:.3g}<br>largest {largest:.3g}"
