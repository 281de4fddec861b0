"""A panel of cells: heatmap traces of one two-dimensional array, with full hover text."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.figures.drawing import style
from workbench.figures.drawing.axis import Axis
from workbench.figures.drawing.choose import Chosen
from workbench.figures.drawing.labels import value_line

_FEW = 64  # cells along an axis that can have a line between them


def as_words(values: xr.DataArray) -> xr.DataArray:
    """Categories as words: True and False become yes and no."""
    words = np.where(values.values, "yes", "no") if values.dtype.kind == "b" else values.values.astype(str)
    return values.copy(data=words)


def number_cells(chosen: Chosen, x: Axis, y: Axis, *, heading: str = "", printed: str | None = None) -> go.Heatmap:
    """Cells coloured by number.

    Args:
        chosen: Values `[y, x]` and their companions.
        x: Horizontal axis.
        y: Vertical axis.
        heading: First line of the hover text.
        printed: A d3 number format to print the value in every cell.
    """
    values = chosen.values.transpose(y.dim, x.dim)
    form = ":,d" if values.dtype.kind in "iu" else ":.4g"
    lines = [value_line(values, f"%{{z{form}}}")]
    extra = {name: array.transpose(y.dim, x.dim).values for name, array in chosen.companions.items()}
    lines += hover_lines(extra)
    return go.Heatmap(
        z=values.values,
        customdata=np.stack(list(extra.values()), axis=-1) if extra else None,
        coloraxis="coloraxis",
        texttemplate=f"%{{z:{printed}}}" if printed else None,
        **_shared(x, y, heading, lines),
    )


def word_cells(
    chosen: Chosen, x: Axis, y: Axis, *, heading: str = "", printed: xr.DataArray | None = None
) -> Iterator[go.Heatmap]:
    """Cells coloured by category: one trace for each, so that a click in the legend hides or isolates it.

    Args:
        chosen: Words `[y, x]`.
        x: Horizontal axis.
        y: Vertical axis.
        heading: First line of the hover text.
        printed: Words to print in the cells, such as the language that a head serves; "" prints nothing.
    """
    values = chosen.values.transpose(y.dim, x.dim)
    shared = _shared(x, y, heading, [f"{values.name}: %{{meta}}"])
    if printed is not None and len(x.positions) <= _FEW:
        codes = printed.transpose(y.dim, x.dim).values
        shared |= {"text": codes, "hovertext": shared["text"], "texttemplate": "%{text}", "textfont": {"color": "#000"}}
    template = shared["hovertemplate"]
    for name, colour in style.category_colours(np.unique(values.values).tolist()).items():
        shared["hovertemplate"] = template.replace("%{meta}", name)
        yield go.Heatmap(name=name, legendgroup=name, **single_colour(values.values == name, colour), **shared)


def single_colour(here: np.ndarray, colour: str) -> dict[str, Any]:
    """Cells of one category in its colour; the others are empty."""
    z = np.where(here, np.float32(1), np.float32(np.nan))
    return {"z": z, "showscale": False, "colorscale": [[0, colour], [1, colour]], "zmin": 0, "zmax": 1}


def hover_lines(companions: Iterable[str]) -> list[str]:
    """Hover text of a value's companions, which are the columns of `customdata` in this order."""
    column = {name: f"%{{customdata[{index}]:.3g}}" for index, name in enumerate(companions)}
    lines = []
    if "low" in column:
        lines.append(f"interval {column['low']} to {column['high']}")
    if "p_value" in column:
        lines.append(f"p-value {column['p_value']}")
    if "control_mean" in column:
        lines.append(f"random control {column['control_mean']}")
    if "control_low" in column and "control_high" in column:
        lines.append(f"random control from {column['control_low']} to {column['control_high']}")
    return lines


def _shared(x: Axis, y: Axis, heading: str, lines: list[str]) -> dict:
    """What both kinds of cells share: places, gaps, and the words of the hover text."""
    where = [f"{side.title} %{{{letter}:d}}" for letter, side in (("y", y), ("x", x)) if side.names is None]
    text = None
    if x.names is not None or y.names is not None:
        rows = y.names or ("",) * len(y.positions)
        columns = x.names or ("",) * len(x.positions)
        text = [["<br>".join(filter(None, (row, column))) for column in columns] for row in rows]
        where.append("%{text}")
    head = [f"<b>{heading}</b>"] if heading else []
    return {
        "x": x.positions,
        "y": y.positions,
        "text": text,
        "xgap": 1 if len(x.positions) <= _FEW else 0,
        "ygap": 1 if len(y.positions) <= _FEW and len(x.positions) <= _FEW else 0,
        "hoverongaps": False,
        "hovertemplate": "<br>".join([*head, *where, *lines]) + "<extra></extra>",
    }
