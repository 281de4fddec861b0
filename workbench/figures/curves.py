"""Lines over layers or positions, one per language or kind, with their intervals as bands."""

from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import xarray as xr

from workbench.arguments import shown
from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.axis import Axis, axis
from workbench.figures.drawing.cells import hover_lines
from workbench.figures.drawing.choose import Chosen, axis_beside_color, choose_numbers
from workbench.figures.drawing.labels import axis_title, describe, value_label, value_line
from workbench.figures.heatmap import with_question
from workbench.figures.printing.styled import styled
from workbench.results.reading.main_variable import given

_ACROSS = ("layer", "target_layer", "source_layer", "position", "sample", "head", "neuron")
_MOST_LINES = 28  # combinations of colour and dash that can be distinguished
_MOST_MARKERS = 40


@styled
def curves(
    result: xr.Dataset | xr.DataArray,
    variable: str | None = None,
    *,
    x: str | None = None,
    color: str | None = None,
    mark: str | int | None = None,
    title: str | None = None,
    **select: Any,
) -> go.Figure:
    """Draw a variable of one or two axes as lines, with a band from `low` to `high` where the result has them.

    A line keeps its colour and dash when fewer lines are selected.

    Args:
        result: What an analysis returned, or `load_result` read; or one variable of it, such as
            `result["delta"].mean("layer")`, which comes without its intervals.
        variable: A numeric variable with one or two axes left after the selection; when None the main one:
            the score, or the first with an axis of layers.
        x: The horizontal axis; the layer where there is one.
        color: The axis that becomes lines: what is left.
        mark: The coordinate of a line that is drawn thick, such as the language of interest.
        title: In place of the question that the figure answers; "" for none.
        **select: Coordinates by name, as in `heatmap`.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: No such variable, axis, coordinate or line to mark, none named where none is the main one,
            words in place of numbers, or more than two axes.
        UnknownLanguage: A language that the result does not have.

    Example:
        >>> wb.figures.curves(wb.lens.by_language(model, words, source="de", target="ja"), "probability")
    """
    result, variable = given(result, variable)
    chosen = choose_numbers(result, variable, select, "curves draw")
    free = axis_beside_color(chosen, "curves draw", "x", x, color)
    across = next((dim for dim in _ACROSS if dim in free), free[-1])
    lines = next((dim for dim in chosen.dims if dim != across), None)
    bottom = axis(chosen.values, across, scaled=True)
    figure = go.Figure()
    if lines is None:
        figure.add_traces(_line(chosen, bottom, name="", look=0))
    else:
        count = chosen.values.sizes[lines]
        if count > _MOST_LINES:
            raise BadArgument(
                f"{count} lines are too many to tell apart (at most {_MOST_LINES}); select some of {lines}"
            )
        everything = sorted(result[variable].get_index(lines), key=str)
        if mark is not None and mark not in everything:
            raise BadArgument(f"mark={shown(mark)} is no line (has: {', '.join(map(str, everything))})")
        for index, key in enumerate(chosen.values.get_index(lines)):
            name = value_label(lines, key)
            part = chosen.at(lines, index)
            figure.add_traces(
                _line(part, bottom, name=name, look=everything.index(key), colour=style.CATEGORIES.get(str(key)))
            )
            if key == mark:
                figure.data[-1].update(line={"width": 5}, name=f"<b>{name}</b>")
    figure.update_xaxes(**bottom.layout(vertical=False))
    figure.update_yaxes(title={"text": "<br>".join(wrap(describe(chosen.values), 48))}, zeroline=True)
    heading = "" if lines is None else axis_title(chosen.values, lines)
    figure.update_layout(height=440, legend={"title": {"text": heading}, "tracegroupgap": 2}, hovermode="closest")
    notes = ["band: the interval of each value"] if "low" in chosen.companions else []
    return with_question(figure, title, result, chosen, notes=notes, least_width=bottom.least_width)


def _line(part: Chosen, bottom: Axis, *, name: str, look: int, colour: str | None = None) -> list[go.Scatter]:
    """A line, and its band before it so that the line lies on top."""
    colour = colour or style.LINES[look % len(style.LINES)]
    values = part.values.values
    traces = []
    where = "%{text}" if bottom.names else f"{bottom.title} %{{x:d}}"
    lines = [f"<b>{name}</b>"] if name else []
    lines += [where, value_line(part.values, "%{y:.4g}")]
    extra = [array.values for array in part.companions.values()]
    lines += hover_lines(part.companions)
    if "low" in part.companions:
        low, high = part.companions["low"].values, part.companions["high"].values
        edge = {"mode": "lines", "line": {"width": 0}, "legendgroup": name, "showlegend": False, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=bottom.positions, y=high, **edge))
        shade = "rgba({}, {}, {}, 0.16)".format(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))
        traces.append(go.Scatter(x=bottom.positions, y=low, fill="tonexty", fillcolor=shade, **edge))
    marked = len(values) <= _MOST_MARKERS
    traces.append(
        go.Scatter(
            x=bottom.positions,
            y=values,
            customdata=list(zip(*extra, strict=True)) if extra else None,
            text=bottom.names,
            name=name or str(part.values.name),
            legendgroup=name,
            showlegend=bool(name),
            mode="lines+markers" if marked else "lines",
            line={"color": colour, "width": 2, "dash": style.DASHES[look // len(style.LINES) % len(style.DASHES)]},
            marker={"size": 6, "symbol": style.MARKERS[(look + look // len(style.LINES)) % len(style.MARKERS)]},
            hovertemplate="<br>".join(lines) + "<extra></extra>",
        )
    )
    return traces
