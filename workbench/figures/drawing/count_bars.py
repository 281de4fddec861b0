"""How many cells of a row are of each class: bars in place of cells that would be narrower than a pixel."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.figures.drawing import style
from workbench.figures.drawing.axis import Axis
from workbench.figures.drawing.choose import Chosen

_REST = ("other", "none", "no")  # no class: most cells, whose bars would dwarf the others


def count_bars(chosen: Chosen, across: Axis, left: Axis, *, heading: str = "") -> list[Any]:
    """Stacked bars of the classes of each row.

    Args:
        chosen: Words `[left, across]`.
        across: The axis that is counted.
        left: Rows.
        heading: First line of the hover text.
    """
    values = chosen.values.transpose(left.dim, across.dim).values
    head = f"<b>{heading}</b><br>" if heading else ""
    rows = left.names or [f"{left.title} {place}" for place in left.positions]
    return [
        go.Bar(
            x=(values == name).sum(1),
            y=left.positions,
            orientation="h",
            name=name,
            legendgroup=name,
            marker={"color": colour},
            text=rows,
            textposition="none",
            hovertemplate=f"{head}%{{text}}<br>{name}: %{{x:,d}} of {values.shape[1]:,} {across.dim}s<extra></extra>",
        )
        for name, colour in style.category_colours(np.unique(values).tolist()).items()
        if name not in _REST
    ]


def count_axis(across: Axis) -> Axis:
    """The axis of those counts."""
    return replace(across, title=f"Number of {across.dim}s", labels=None, names=None, short=None)


def left_out(values: xr.DataArray) -> str:
    """What the bars count and what they leave out, for the line under the title."""
    counts = {name: int((values == name).sum()) for name in _REST}
    return "counts by class" + "".join(f"; {name} left out: {count:,}" for name, count in counts.items() if count)
