"""Bars: one number for each language, group or kind, with its interval and that of random groups."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.axis import Axis, axis
from workbench.figures.drawing.cells import hover_lines
from workbench.figures.drawing.choose import Chosen, axis_beside_color, choose_numbers
from workbench.figures.drawing.labels import axis_title, describe, is_language, value_label, value_line
from workbench.figures.heatmap import with_question
from workbench.figures.printing.styled import styled

_ROW = 30  # pixels of a name with one bar
_BAR = 15  # and of each further bar
_LEAST_ROWS = 4  # of the height, so that the title of the axis fits
_MOST_BARS = 8  # of one name, so that colours can be distinguished
_SPREAD = 0.8  # share of a row that bars take
_BAND = {"control_low", "control_high"}


@styled
def bars(
    result: xr.Dataset | pd.DataFrame,
    variable: str,
    *,
    y: str | None = None,
    color: str | None = None,
    title: str | None = None,
    **select: Any,
) -> go.Figure:
    """Draw a variable of one or two axes as horizontal bars from zero, with whiskers where it has an interval.

    Names run down the side: languages in their fixed order, layers from the bottom up. Whiskers go from `low` to
    `high`; a grey band under a bar goes from `control_low` to `control_high`, that of random groups of the
    same size.

    Args:
        result: What an analysis returned, `load_result` read, or a frame: its index is the axis, and the index's name
            (such as `language`) says what it holds; two levels are two axes (`frame.stack()` makes the columns a
            level); the columns are the variables, `low` and `high` among them.
        variable: A numeric variable with one or two axes left after the selection.
        y: The axis whose names run down the side; the language where there is one.
        color: The axis that becomes bars of one name, side by side: what is left.
        title: In place of the question that the figure answers; "" for none.
        **select: Coordinates by name, as in `heatmap`.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: No such variable, axis or coordinate, words in place of numbers, more than two axes, or more bars
            than colours.
        UnknownLanguage: A language that the result does not have.

    Example:
        >>> wb.figures.bars(wb.heads.ablate(model, corpus), "delta", layer=0, head=3)
        >>> wb.figures.bars(pd.DataFrame({"bits": bits}).rename_axis("language"), "bits", title="How many bits?")
    """
    shown = xr.Dataset.from_dataframe(result) if isinstance(result, pd.DataFrame) else result
    chosen = choose_numbers(shown, variable, select, "bars draw")
    free = axis_beside_color(chosen, "bars draw", "y", y, color)
    down = next((dim for dim in free if is_language(dim)), free[0])
    beside = next((dim for dim in chosen.dims if dim != down), None)
    left = axis(chosen.values, down)
    keys = [None] if beside is None else list(chosen.values.get_index(beside))
    if len(keys) > _MOST_BARS:
        raise BadArgument(f"{len(keys)} bars of one name are too many (at most {_MOST_BARS}); select some of {beside}")
    figure = go.Figure()
    for index, key in enumerate(keys):
        part = chosen if beside is None else chosen.at(beside, index)
        name = "" if beside is None else value_label(beside, key)
        figure.add_traces(_row(part, left, name=name, index=index, count=len(keys), key=str(key)))
    figure.update_yaxes(left.layout(vertical=True))
    figure.update_xaxes(title={"text": describe(chosen.values)}, zeroline=True, zerolinewidth=2)
    heading = "" if beside is None else axis_title(chosen.values, beside)
    top, bottom = style.MARGIN["t"], style.MARGIN["b"]
    figure.update_layout(
        height=max(len(left.positions), _LEAST_ROWS) * (_ROW + _BAR * (len(keys) - 1)) + top + bottom,
        barmode="overlay",
        legend={"title": {"text": heading}, "traceorder": "normal"},
        hovermode="closest",
    )
    notes = ["whisker: the interval of each value"] if "low" in chosen.companions else []
    if chosen.companions.keys() >= _BAND:
        notes.append("grey band: random groups of the same size")
    if not np.isfinite(chosen.values.values.astype(float)).all():
        notes.append("no bar: not measured")
    return with_question(figure, title, shown, chosen, notes=notes)


def _row(part: Chosen, left: Axis, *, name: str, index: int, count: int, key: str) -> list[Any]:
    """One bar for each name, before it the band of its controls; the first of several is the topmost."""
    wide = _SPREAD / count
    down = 1 if left.layout(vertical=True).get("autorange") == "reversed" else -1
    places = left.positions + down * (index - (count - 1) / 2) * wide
    values, known = part.values.values.astype(float), part.companions
    colour = style.CATEGORIES.get(key, style.LINES[index % len(style.LINES)])
    lines = [f"<b>{name}</b>"] if name else []
    lines += ["%{text}", value_line(part.values, "%{x:.4g}")]
    columns = {name: array.values for name, array in known.items()}
    lines += hover_lines(list(columns))
    shared = {"y": places, "orientation": "h", "width": 0.9 * wide, "legendgroup": name}
    traces: list[Any] = []
    if known.keys() >= _BAND:
        low, high = columns["control_low"], columns["control_high"]
        grey = {"color": style.MISSING, "opacity": 0.55}
        traces.append(go.Bar(x=high - low, base=low, marker=grey, hoverinfo="skip", showlegend=False, **shared))
        shared["width"] = 0.5 * wide
    whiskers = {}
    if "low" in known:
        whiskers = style.whiskers(values, columns["low"], columns["high"]) | {"thickness": 1.5, "width": 3}
    traces.append(
        go.Bar(
            x=values,
            name=name or str(part.values.name),
            showlegend=bool(name),
            marker={"color": colour},
            error_x=whiskers or None,
            text=left.names or [f"{left.title} {value}" for value in left.positions],
            textposition="none",
            customdata=np.stack(list(columns.values()), axis=-1) if columns else None,
            hovertemplate="<br>".join(lines) + "<extra></extra>",
            **shared,
        )
    )
    return traces
