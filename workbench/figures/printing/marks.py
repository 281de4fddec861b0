"""Lines, cells, ticks and colour bars of a figure at the scale of print."""

from base64 import b64decode
from collections.abc import Iterable
from html import unescape
from math import radians, sin
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from workbench.figures.printing.panels import layout_of, traces

LETTER = 0.54  # mean width of a letter, as a share of its size
_THIN = 0.6  # of lines and marks, as on a screen


def plain(text: str) -> str:
    """A title's text without plotly's tags; its lines joined."""
    return unescape(text.replace("<br>", " · ").replace("<b>", "").replace("</b>", ""))


def unpack(figure: go.Figure) -> None:
    """Unpack the numbers of a figure read from a file, where plotly leaves them as (dtype, bytes, shape)."""
    for trace in traces(figure):
        for name in {"x", "y", "z"} & set(trace):
            packed = trace[name]
            if isinstance(packed, dict) and "bdata" in packed:
                values = np.frombuffer(b64decode(packed["bdata"]), dtype=packed["dtype"])
                shape = [int(size) for size in str(packed.get("shape", values.size)).split(",")]
                trace[name] = values.reshape(shape)


def thin(figure: go.Figure) -> None:
    """Scale lines, marks and whiskers to small letters; drop hover text."""
    for trace in traces(figure):
        trace.update(hoverinfo="skip", hovertemplate=None, legendgroup=None)
        for part in ("line", "error_x", "error_y"):
            key = "width" if part == "line" else "thickness"
            if part in trace and trace[part][key]:
                trace[part][key] = _THIN * trace[part][key]
        if "marker" in trace and "size" in trace.marker and isinstance(trace.marker.size, int | float):
            trace.marker.size = _THIN * trace.marker.size
        if trace.type == "heatmap":
            trace.update(xgap=_THIN * (trace.xgap or 0), ygap=_THIN * (trace.ygap or 0))


def colour_title(figure: go.Figure) -> bool:
    """Title the colour scale with what its numbers are; returns whether there is a scale."""
    scale: Any = layout_of(figure).coloraxis
    own = [trace for trace in traces(figure) if trace.type == "heatmap" and trace.showscale is not False]
    if scale.colorscale is None:
        return any(trace.coloraxis is None for trace in own)
    if words := layout_of(figure).meta.get("colour"):
        notes = (scale.colorbar.title.text or "").partition("<br>clipped")
        scale.colorbar.title.text = words + (f"<br>clipped{notes[2]}" if notes[1] else "")
    return True


def colour_bar(figure: go.Figure, plot: float, *, size: float) -> None:
    """A thin bar along the whole plot, its title beside it and rotated."""
    letters = int(plot / (size * 0.53))
    look = {"thickness": 7, "tickfont": {"size": size}, "ticklen": 2, "tickwidth": 0.7, "outlinewidth": 0, "xpad": 4}
    for owner in (layout_of(figure).coloraxis, *traces(figure)):
        bar = owner.colorbar if "colorbar" in owner else None
        if bar is None or not bar.to_plotly_json():
            continue
        lines = str(bar.title.text or "").split("<br>")
        text = "<br>".join(part for line in lines for part in wrap(line, max(letters, 14)))
        bar.update(**look, title={"text": text, "side": "right", "font": {"size": size}}, nticks=5)
        if owner is layout_of(figure).coloraxis:
            bar.update(lenmode="fraction", len=1, y=0.5, yanchor="middle", x=1.01)


def legend_names(figure: go.Figure) -> list[str]:
    """Entries of the legend as plain text; a number is preceded by the legend's title."""
    shown = [trace for trace in traces(figure) if trace.showlegend is not False and trace.name]
    shown = [trace for trace in shown if trace.showlegend or (trace.type != "heatmap" and len(traces(figure)) > 1)]
    what = plain(str(layout_of(figure).legend.title.text or ""))
    for trace in shown:
        if what and trace.name.isdigit():
            trace.name = f"{what} {trace.name}"
    return [plain(trace.name) for trace in shown]


def name_ticks(figure: go.Figure) -> None:
    """Label every cell of an axis of words; plotly would label some."""
    layout = layout_of(figure)
    for trace in traces(figure):
        if trace.type == "heatmap" and trace.x is not None and isinstance(trace.x[0], str):
            axis = layout[(trace.xaxis or "x").replace("x", "xaxis")]
            axis.update(tickmode="array", tickvals=trace.x, ticktext=trace.x)


def wrap_titles(axes: Iterable[Any], pixels: float, *, size: float) -> None:
    """Break titles of axes into lines of so many pixels."""
    for axis in axes:
        if axis.title.text:
            axis.title.text = "<br>".join(
                wrap(axis.title.text.replace("<br>", " "), max(int(pixels / size / LETTER), 12))
            )


def foot(figure: go.Figure, *, size: float) -> float:
    """Pixels below the plot: ticks, which may be rotated, and the lines of a title."""
    deepest = 0.0
    for axis in figure.select_xaxes():
        longest = max((len(str(label)) for label in axis.ticktext or ()), default=1) * size * LETTER
        ticks = size + longest * sin(radians(abs(axis.tickangle or 0)))
        lines = axis.title.text.count("<br>") + 1 if axis.title.text else 0
        deepest = max(deepest, ticks + lines * 1.5 * size + 8)
    return deepest


def fit_names(figure: go.Figure, pixels: float, *, size: float) -> None:
    """Tick labels under the plot: horizontal where they fit, else rotated; some left out where they overlap."""
    for axis in figure.select_xaxes():
        labels = axis.ticktext or ()
        if not labels or _numbers(labels):
            continue
        cell = pixels / len(labels)
        longest = max(map(len, labels)) * size * LETTER + 4
        axis.tickangle = 0 if longest <= cell else -45 if cell >= 1.5 * size else -90
        _every(axis, -(-1.15 * size // cell))


def fit_numbers(axis: Any, pixels: float, *, size: float, upright: bool = False) -> None:
    """Leave out numbers that would overlap."""
    labels = axis.ticktext or ()
    if labels and _numbers(labels):
        each = size * 1.25 if upright else max(map(len, labels)) * size * LETTER + 4
        _every(axis, -(-each * len(labels) // pixels))


def _every(axis: Any, step: float) -> None:
    step = max(int(step), 1)
    axis.update(tickvals=axis.tickvals[::step], ticktext=axis.ticktext[::step])


def _numbers(labels: Iterable[str]) -> bool:
    return all(str(label).isdigit() for label in labels)


def fit_values(figure: go.Figure, wide: float, tall: float, *, size: float) -> None:
    """Leave out values that do not fit into their cells."""
    for trace in traces(figure):
        if trace.type != "heatmap" or not trace.texttemplate:
            continue
        trace.textfont = {"size": size, **({"color": "#000"} if trace.showscale is False else {})}
        rows, columns = len(trace.z), len(trace.z[0])
        if wide / columns < 3.2 * size * LETTER or tall / rows < size:
            trace.texttemplate = None
