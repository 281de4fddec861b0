"""Animation: one axis of a result becomes time, with a slider and a play button."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures.curves import curves
from workbench.figures.drawing import style
from workbench.figures.drawing.choose import check_axes, choose_numbers
from workbench.figures.drawing.colour import colour_axis
from workbench.figures.drawing.labels import axis_title, is_language, value_label
from workbench.figures.heatmap import heatmap
from workbench.figures.printing.styled import styled

_STEP = 600  # milliseconds of a frame
_CONTROLS = 110  # pixels under the plot for the slider and its button


@styled
def animation(
    result: xr.Dataset,
    variable: str = "effect",
    *,
    over: str = "source_layer",
    title: str | None = None,
    **select: Any,
) -> go.Figure:
    """Draw a variable of two or three axes over time: cells where two axes are left, a line with its band where one is.

    All frames share one scale, so that colours can be compared between frames.

    Args:
        result: What an analysis returned, or `load_result` read.
        variable: A numeric variable with two or three axes left after the selection.
        over: The axis that becomes time.
        title: In place of the question that the figure answers.
        **select: Coordinates by name, as in `heatmap`.

    Returns:
        The figure, at its first frame; it is neither shown nor written.

    Raises:
        BadArgument: No such variable, axis or coordinate, words in place of numbers, or not two or three axes.
        UnknownLanguage: A language that the result does not have.

    Example:
        >>> wb.figures.animation(wb.patching.cross_layer(model, pairs), over="source_layer")    # doctest: +SKIP
    """
    chosen = choose_numbers(result, variable, select, "an animation draws")
    check_axes(chosen, over=over)
    if len(chosen.dims) not in (2, 3):
        raise BadArgument(
            f"an animation draws 2 or 3 axes, {variable} has {len(chosen.dims)} left ({', '.join(chosen.dims)}); "
            "select from the others"
        )
    draw = heatmap if len(chosen.dims) == 3 else curves
    keys = list(chosen.values.get_index(over))
    drawn: list[Any] = [draw(result, variable, title=title, **{**select, over: key}) for key in keys]
    names = [value_label(over, key) for key in keys]
    figure = drawn[0]
    figure.frames = [
        go.Frame(data=list(each.data), name=name, layout={"title": {"subtitle": each.layout.title.subtitle}})
        for each, name in zip(drawn, names, strict=True)
    ]
    if draw is heatmap:
        scale = colour_axis(chosen.values, height=300)  # signed where any frame is
        first = figure.layout.coloraxis.colorbar  # as tall as the panels
        figure.update_layout(coloraxis={**scale, "colorbar": {**scale["colorbar"], "len": first.len}})
        if not np.isfinite(chosen.values.values).all():
            figure.update_layout(plot_bgcolor=style.MISSING)
    else:
        figure.update_yaxes(range=_range([chosen.values, *(chosen.companions.get(key) for key in ("low", "high"))]))
    prefix = "" if is_language(over) else f"{axis_title(chosen.values, over)} "
    figure.update_layout(
        sliders=[_slider(names, prefix)],
        updatemenus=[_buttons()],
        height=figure.layout.height + _CONTROLS,
        margin={"b": (figure.layout.margin.b or 0) + _CONTROLS},
    )
    return figure


def _range(arrays: list[xr.DataArray | None]) -> list[float]:
    """From the least to the largest number of all frames, zero included, with a margin."""
    numbers = np.concatenate([array.values.ravel() for array in arrays if array is not None] + [np.zeros(1)])
    numbers = numbers[np.isfinite(numbers)]
    low, high = float(numbers.min()), float(numbers.max())
    margin = 0.05 * (high - low) or 1.0
    return [low - margin, high + margin]


def _slider(names: list[str], prefix: str) -> dict[str, Any]:
    steps = [{"label": name, "method": "animate", "args": [[name], _timing(0)]} for name in names]
    return {
        "steps": steps,
        "active": 0,
        "currentvalue": {"prefix": prefix, "xanchor": "left"},
        "x": 0.14,
        "len": 0.86,
        "pad": {"t": 62},
    }


def _buttons() -> dict[str, Any]:
    return {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 80},
        "buttons": [
            {"label": "▶", "method": "animate", "args": [None, {**_timing(_STEP), "fromcurrent": True}]},
            {"label": "❚❚", "method": "animate", "args": [[None], _timing(0)]},
        ],
    }


def _timing(duration: int) -> dict[str, Any]:
    """How a frame is shown: at once, for so many milliseconds; cells cannot move smoothly, so they are redrawn."""
    return {"mode": "immediate", "frame": {"duration": duration, "redraw": True}, "transition": {"duration": 0}}
