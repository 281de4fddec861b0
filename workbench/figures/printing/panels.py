"""The panels of a figure, laid out again for a narrower or wider page."""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

TITLE = 15  # pixels above a panel that its title takes
_APART = 40  # pixels below a panel whose axis has ticks and a title of its own
_BESIDE = 0.09  # share of the width between panels that share their axes
_BESIDE_OWN = 0.24  # and between those with names of their own


@dataclass(frozen=True)
class Panels:
    """Panels in rows.

    Attributes:
        axes: Names of the (x, y) axes of each panel in the layout, row by row from the top.
        columns: Side by side.
        shares: Height of each row, as a share of the plot.
        titled: Whether each has a title above it.
        alike: Whether all share their axes, so that only the outer ones have ticks.
    """

    axes: list[tuple[str, str]]
    columns: int
    shares: list[float]
    titled: bool
    alike: bool

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return -(-len(self.axes) // self.columns)


def traces(figure: go.Figure) -> list[Any]:
    """The traces of a figure."""
    return list(figure.data)


def layout_of(figure: go.Figure) -> Any:
    """The layout, whose parts have the names of a figure's axes."""
    return figure.layout


def panels_of(figure: go.Figure) -> Panels:
    """Read the panels off a figure."""
    pairs = dict.fromkeys((_long(trace, "x"), _long(trace, "y")) for trace in traces(figure) if "xaxis" in trace)
    layout = layout_of(figure)
    axes = sorted(pairs, key=lambda pair: (-_domain(layout, pair[1])[1], _domain(layout, pair[0])[0]))
    columns = max(len({_domain(layout, x)[0] for x, _ in axes}), 1)
    shares = [_domain(layout, y)[1] - _domain(layout, y)[0] for _, y in axes[::columns]]
    alike = len(axes) > 1 and all(layout[x].matches and layout[y].matches for x, y in axes[1:])
    return Panels(axes, columns, shares, len(layout.annotations) == len(axes) > 1, alike)


def arrange(figure: go.Figure, panels: Panels, *, columns: int, heights: list[float]) -> float:
    """Lay panels out in other columns, with their titles, ticks and colour bars.

    Args:
        figure: Changed in place.
        panels: Of the figure.
        columns: Side by side from now on.
        heights: Of each panel, pixels.

    Returns:
        Height of the plot in pixels.
    """
    layout = layout_of(figure)
    count = len(panels.axes)
    above = TITLE if panels.titled else 0
    apart = above + (8 if panels.alike else _APART)
    rows = [max(heights[start : start + columns]) for start in range(0, count, columns)]
    plot = above + sum(rows) + apart * (len(rows) - 1)
    gap = _BESIDE / columns if panels.alike else _BESIDE_OWN
    wide = (1 - gap * (columns - 1)) / columns
    outer = {"x": layout[panels.axes[-1][0]], "y": layout[panels.axes[0][1]]}
    ticks = {name: {key: outer[name][key] for key in ("showticklabels", "title", "ticks")} for name in outer}
    bare = {"showticklabels": False, "title": {"text": ""}, "ticks": ""}
    for index, (x, y) in enumerate(panels.axes):
        row, column = divmod(index, columns)
        top = plot - above - sum(rows[:row]) - apart * row
        layout[x].domain = [column * (wide + gap), column * (wide + gap) + wide]
        layout[y].domain = [max((top - rows[row]) / plot, 0), top / plot]
        if panels.titled:
            left, right = layout[x].domain
            layout.annotations[index].update(x=(left + right) / 2, y=top / plot, yshift=1)
        if panels.alike:
            layout[x].update(ticks["x"] if index + columns >= count else bare)
        if column == 0 and (panels.alike or layout[y].showticklabels is False):
            layout[y].update(**{**ticks["y"], "showticklabels": True})
        elif panels.alike:
            layout[y].update(bare)
        for trace in traces(figure):
            if (
                "colorbar" in trace
                and "xaxis" in trace
                and not trace.coloraxis
                and (_long(trace, "x"), _long(trace, "y")) == (x, y)
            ):
                trace.colorbar.update(len=rows[row] / plot, y=(top - rows[row] / 2) / plot, yanchor="middle")
    return plot


def _long(trace: Any, letter: str) -> str:
    """The axis of a trace as the layout calls it: `x2` is `xaxis2`."""
    return (trace[f"{letter}axis"] or letter).replace(letter, f"{letter}axis", 1)


def _domain(layout: Any, name: str) -> tuple[float, float]:
    low, high = layout[name].domain or (0.0, 1.0)
    return low, high
