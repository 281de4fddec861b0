"""Square tables in colour: language by language, source layer by target layer, with the numbers in the cells."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.axis import axis
from workbench.figures.drawing.cells import number_cells
from workbench.figures.drawing.choose import check_axes, choose_numbers
from workbench.figures.drawing.colour import colour_layout
from workbench.figures.heatmap import with_question
from workbench.figures.printing.styled import styled
from workbench.results.reading.main_variable import given

_PRINTED = 14  # rows and columns up to which a number fits into its cell
_LEAST_WIDTH = 760  # pixels, for the title
_BAR = 90  # pixels, for the colour bar


@styled
def matrix(
    result: xr.Dataset | xr.DataArray,
    variable: str | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    title: str | None = None,
    **select: Any,
) -> go.Figure:
    """Draw a variable of two axes as a table of square cells, with its values printed up to 14 x 14.

    Args:
        result: What an analysis returned, or `load_result` read; or one variable of it, such as
            `result["delta"].mean("layer")`, which comes without its intervals.
        variable: A numeric variable with two axes left after the selection; when None the main one:
            the score, or the first with an axis of layers.
        x: The horizontal axis; the second by default.
        y: The vertical axis; layers run upwards, names downwards.
        title: In place of the question that the figure answers; "" for none.
        **select: Coordinates by name, as in `heatmap`.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: No such variable, axis or coordinate, none named where none is the main one,
            words in place of numbers, or not two axes.
        UnknownLanguage: A language that the result does not have.

    Example:
        >>> wb.figures.matrix(wb.patching.cross_layer(model, pairs), "effect")
    """
    result, variable = given(result, variable)
    chosen = choose_numbers(result, variable, select, "a matrix draws")
    check_axes(chosen, x=x, y=y)
    dims = chosen.dims
    if len(dims) != 2 or (x is not None and x == y):
        raise BadArgument(
            f"a matrix draws 2 different axes, {variable} has {len(dims)} left ({', '.join(dims)}); "
            "select from the others, or use figures.heatmap"
        )
    y = y or next(dim for dim in dims if dim != x)
    x = next(dim for dim in dims if dim != y)
    bottom, left = axis(chosen.values, x), axis(chosen.values, y)
    rows, columns = len(left.positions), len(bottom.positions)
    printed = _number_format(chosen.values.values) if max(rows, columns) <= _PRINTED else None
    figure = go.Figure(number_cells(chosen, bottom, left, printed=printed))
    tall = (44 if rows <= 8 else 34) if printed else int(np.clip(620 / rows, 4, 24))
    side = 60 + (7 * max(map(len, left.labels)) if left.labels else 0)
    width = max(columns * (60 if printed else tall), _LEAST_WIDTH - side - _BAR)
    height = max(rows * tall, 180)
    figure.update_xaxes(bottom.layout(vertical=False))
    figure.update_yaxes(left.layout(vertical=True))
    figure.update_layout(
        width=width + side + _BAR,
        height=height + style.MARGIN["t"] + style.MARGIN["b"] + (60 if bottom.labels else 0),
        margin={"l": side, "r": _BAR},
        **colour_layout(chosen.values, height=height),
    )
    notes = []
    if not np.isfinite(chosen.values.values).all():
        figure.update_layout(plot_bgcolor=style.MISSING)
        notes.append("grey: not measured")
    return with_question(figure, title, result, chosen, role="Colour", notes=notes)


def _number_format(values: np.ndarray) -> str:
    """A d3 format with two to three figures for the largest number, so that all cells have the same format."""
    if values.dtype.kind in "iu":
        return ",d"
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    if largest and not 1e-3 <= largest < 1e4:
        return ".1e"
    return ".0f" if largest >= 100 else ".1f" if largest >= 10 else ".2f" if largest >= 0.1 else ".3f"
