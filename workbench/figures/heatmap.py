"""Heatmaps of any variable of a result, one panel per language where it has one."""

from collections.abc import Iterable
from html import unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.axis import Axis, axis
from workbench.figures.drawing.cells import as_words, number_cells, word_cells
from workbench.figures.drawing.choose import Chosen, check_axes, choose, is_category
from workbench.figures.drawing.colour import colour_layout
from workbench.figures.drawing.count_bars import count_axis, count_bars, left_out
from workbench.figures.drawing.labels import axis_title, is_language, value_label
from workbench.figures.printing.styled import styled
from workbench.figures.question import question, subtitle
from workbench.results.reading.main_variable import given

_VERTICAL = ("layer", "source_layer", "query")
_HORIZONTAL = ("head", "neuron", "expert", "position", "key", "target_layer", "language", "target_language")
_OWNER = "specific_to"  # beside the role of a head: the language that it serves
_TITLE, _LINE = 34, 14  # pixels that a title takes, and the line under it
_MOST_PANELS = 48
_WIDE = 200  # columns of cells from which a panel takes the whole width
_PIXELS = 900  # columns of cells from which some share a pixel on an ordinary screen


@styled
def heatmap(
    result: xr.Dataset | xr.DataArray,
    variable: str | None = None,
    *,
    facet: str | None = None,
    x: str | None = None,
    y: str | None = None,
    title: str | None = None,
    columns: int | None = None,
    **select: Any,
) -> go.Figure:
    """Draw a variable of two or three axes as cells; every number is drawn, nothing is averaged away.

    Layers run upwards from layer 0; languages are in the order of their codes. Signed numbers get a scale that is
    symmetric around zero, others one that starts at zero, words a colour each. Cells without a value are grey. Words
    of more than 900 cells in a row are counted: a bar for each row, a part of it for each word.

    Args:
        result: What an analysis returned, or `load_result` read; or one variable of it, such as
            `result["delta"].mean("layer")`, which comes without its intervals.
        variable: Any numeric, text or yes-or-no variable of it; when None the main one:
            the score, or the first with an axis of layers.
        facet: The axis that becomes panels when three are left; `language` by default.
        x: The horizontal axis.
        y: The vertical axis; the layer where there is one.
        title: In place of the question that the figure answers; "" for none.
        columns: Panels side by side; by default 4, or 1 where an axis has hundreds of cells.
        **select: Coordinates by name: `language="de"`, `layer=[0, 1]`, `head=slice(0, 3)`.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: No such variable, axis or coordinate, none named where none is the main one,
            or the axes left are not two or three.
        UnknownLanguage: A language that the result does not have.

    Example:
        >>> wb.figures.heatmap(wb.load_result("runs/demo/importance.nc"), "importance", language=["de", "ja"])
    """
    result, variable = given(result, variable)
    chosen = choose(result, variable, select)
    across, up, panels = _arrange(chosen, x=x, y=y, facet=facet)
    if words := is_category(chosen.values):
        chosen = Chosen(as_words(chosen.values), {}, chosen.fixed)
    bottom, left = axis(chosen.values, across), axis(chosen.values, up)
    if columns is not None:
        whole_number("columns", columns, at_least=1)
    count = 1 if panels is None else chosen.values.sizes[panels]
    wide, counted = len(bottom.positions) >= _WIDE, words and len(bottom.positions) > _PIXELS
    fitting = max(1, _PIXELS // bottom.least_width) if bottom.least_width else 4
    columns = min(columns or (1 if wide else min(fitting, 4)), count)
    names = [] if panels is None else [_panel_name(chosen.values, panels, index) for index in range(count)]
    figure, height = _panels(names, columns, rows=-(-count // columns), cells=len(left.positions), wide=wide)
    owner = choose(result, _OWNER, select).values if variable == "role" and _OWNER in result else None
    seen: set[str] = set()
    for index in range(count):
        part = chosen if panels is None else chosen.at(panels, index)
        spot: Any = {"row": 1 + index // columns, "col": 1 + index % columns}
        heading = names[index] if names else ""
        if counted:
            cells: Any = count_bars(part, bottom, left, heading=heading)
        elif words:
            cells = word_cells(part, bottom, left, heading=heading, printed=owner)
        else:
            cells = [number_cells(part, bottom, left, heading=heading)]
        for trace in cells:
            if words:
                trace.showlegend = trace.name not in seen
                seen.add(str(trace.name))
            figure.add_trace(trace.update(meta={"language": _language(part)}), **spot)
    _axes(figure, count_axis(bottom) if counted else bottom, left, panels=count, columns=columns)
    notes = [] if owner is None else ["a head that serves one language is marked with its code"]
    if not words and not np.isfinite(chosen.values.values).all():
        figure.update_layout(plot_bgcolor=style.MISSING)
        notes.append("grey: not measured")
    if counted:
        figure.update_layout(barmode="stack", bargap=0.2)
        notes.append(left_out(chosen.values))
    elif len(bottom.positions) > _PIXELS:
        notes.append(f"{len(bottom.positions):,} cells across: drag over a part to see each")
    if words:
        figure.update_layout(legend={"title": {"text": axis_title(chosen.values, variable)}})
    else:
        figure.update_layout(**colour_layout(chosen.values, height=height))
    figure.update_layout(meta={**(figure.layout.meta or {}), "cells": [left.dim, bottom.dim]})  # pyright: ignore
    size: dict[str, Any] = {"columns": columns, "least_width": columns * bottom.least_width}
    return with_question(figure, title, result, chosen, role="Colour", notes=notes, **size)


def with_question(
    figure: go.Figure,
    title: str | None,
    result: xr.Dataset,
    chosen: Chosen,
    *,
    default: str = "",
    role: str = "",
    notes: Iterable[str] = (),
    **size: int,
) -> go.Figure:
    """`titled` with the title of a public function: the figure's own question where it is None, none where it is "".

    Args:
        figure: changed in place, and returned.
        title: as it was given.
        result: what is drawn, for the line under the title.
        chosen: what was chosen of it.
        default: the question; by default that of the variable.
        role: as in `subtitle`.
        notes: as in `subtitle`.
        **size: `columns` and `least_width` of `titled`.
    """
    heading = (default or question(chosen)) if title is None else title or None
    return titled(figure, heading, subtitle(result, chosen, role=role, notes=notes), **size)


@checked
def titled(figure: go.Figure, title: str | None, under: str, *, columns: int = 1, least_width: int = 0) -> go.Figure:
    """Give a figure the shared style, its title and the line under it; `meta` holds its least width in pixels.

    Without a title it has neither, for a page whose heading is the question: the line is `note` in `meta`, as plain
    text.

    Args:
        figure: changed in place, and returned.
        title: above the figure; None for none.
        under: the line below the title, with `<br>` between its parts.
        columns: panels side by side, by which the figure's least width grows.
        least_width: least width in pixels that its cells need; 0 for none.
    """
    whole_number("columns", columns, at_least=1)
    layout: Any = figure.layout
    own = layout.margin
    margin = {side: own[side] or size for side, size in style.MARGIN.items()}
    margin["t"] = max(margin["t"], style.MARGIN["t"])  # plotly express leaves less than two lines need
    meta = {**(layout.meta or {}), "least_width": layout.width or max(560, 190 * columns + 120, least_width)}
    if title is not None:
        extra = 16 * under.count("<br>")
        place = {"x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"}
        figure.update_layout(title={"text": title, "subtitle": {"text": under}, **place, "pad": {"l": 8, "t": 14}})
    else:
        extra = -_TITLE - _LINE * bool(under)
        meta["note"] = unescape(under.replace("<br>", " · "))
    margin["t"] += extra
    figure.update_layout(template=style.LIGHT, margin=margin, height=(layout.height or 360) + extra, meta=meta)
    return figure


def _arrange(chosen: Chosen, *, x: str | None, y: str | None, facet: str | None) -> tuple[str, str, str | None]:
    """Which axis goes across, which up, and which becomes panels."""
    dims = chosen.dims
    check_axes(chosen, x=x, y=y, facet=facet)
    given = [name for name in (x, y, facet) if name is not None]
    if len(set(given)) < len(given):
        raise BadArgument(f"x, y and facet must be three different axes, got x={x!r}, y={y!r}, facet={facet!r}")
    if len(dims) not in (2, 3) or (facet is not None and len(dims) == 2):
        need = "3 axes with facet=, 2 without" if facet is not None and len(dims) == 2 else "2 or 3 axes"
        more = f"select from some, as in {dims[0]}=..." if len(dims) > 3 else "use figures.curves for fewer"
        raise BadArgument(f"a heatmap draws {need}, {chosen.values.name} has {len(dims)} ({', '.join(dims)}); {more}")
    left = [dim for dim in dims if dim not in given]
    if len(dims) == 3 and facet is None:
        candidates = [dim for dim in left if is_language(dim)] or [
            dim for dim in left if dim not in (*_VERTICAL, *_HORIZONTAL)
        ]
        facet = (candidates or [dim for dim in left if dim not in _VERTICAL] or left)[0]
        left.remove(facet)
    if y is None:
        y = next((dim for dim in _VERTICAL if dim in left), None)
        y = y or next((dim for dim in left if dim not in _HORIZONTAL), left[0])
        left.remove(y)
    return x or left[0], y, facet


def _panel_name(values: xr.DataArray, dim: str, index: int) -> str:
    label = value_label(dim, values.get_index(dim)[index])
    return label if is_language(dim) else f"{axis_title(values, dim)} {label}"


def _language(part: Chosen) -> str | None:
    """The language of a panel."""
    code = part.values.coords.get("language")
    return None if code is None or code.ndim else str(code.item())


def _panels(names: list[str], columns: int, *, rows: int, cells: int, wide: bool) -> tuple[go.Figure, int]:
    """An empty figure of panels, and the height of its plot in pixels."""
    if len(names) > _MOST_PANELS:
        raise BadArgument(f"{len(names)} panels are too many to read (at most {_MOST_PANELS}); select some of them")
    cell, least, most = style.ALONE if len(names) < 2 else style.AMONG_WIDE if wide else style.AMONG
    panel = int(np.clip(cells * cell, least, most))
    height = rows * panel + (rows - 1) * style.GAP
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=names or None,
        horizontal_spacing=0.1 / columns,
        vertical_spacing=style.GAP / height if rows > 1 else 0,
    )
    figure.update_annotations(font={"size": 13}, yshift=1)
    top = style.MARGIN["t"] + (20 if names else 0)
    figure.update_layout(height=height + top + style.MARGIN["b"], margin={"t": top})
    return figure, height


def _axes(figure: go.Figure, bottom: Axis, left: Axis, *, panels: int, columns: int) -> None:
    """Titles and ticks at the outer panels only; all panels zoom together."""
    for index in range(panels):
        lowest, first = index + columns >= panels, index % columns == 0
        across = bottom.layout(vertical=False, title=lowest, ticks=lowest)
        up = left.layout(vertical=True, title=first, ticks=first)
        if index:  # an axis that matches itself makes plotly warn
            across["matches"], up["matches"] = "x", "y"
        spot: Any = {"row": 1 + index // columns, "col": 1 + index % columns}
        figure.update_xaxes(across, **spot)
        figure.update_yaxes(up, **spot)
