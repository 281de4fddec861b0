"""The figures of the explorer for one head, two texts and one measure."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import xarray as xr

from workbench.figures.explorer.contents import Measure
from workbench.figures.explorer.parts import head_grid, layer_classes, pattern_pair, profile
from workbench.live.side import Side

TEXTS = ("left text", "right text")
_COLUMNS = 6  # panels of languages side by side
_MANY_HEADS = 16  # from which a panel is wide


def heads(measure: Measure | str, sides: Sequence[Side], *, layer: int, head: int) -> go.Figure:
    """All heads, coloured by a measure of the results or, by its name, by what they do in the texts; one is framed."""
    if isinstance(measure, Measure):
        wide = measure.result.sizes["head"] > _MANY_HEADS
        figure = head_grid(measure.result, measure.name, columns=_COLUMNS // 2 if wide else _COLUMNS)
    else:
        both: Any = xr.concat([side.reading.habits for side in sides], xr.IndexVariable("language", list(TEXTS)))
        both[measure].attrs |= sides[0].reading.habits[measure].attrs
        figure = head_grid(both, measure, title="What does each head do in the two texts?")
    figure.update_layout(dragmode=False, shapes=list(_frames(figure, layer, head)))
    return figure.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)


def patterns(sides: Sequence[Side], *, layer: int, head: int) -> go.Figure:
    """The attention of one head on both texts."""
    left, right = ((side.reading.pattern[layer, head], side.reading.tokens, side.title) for side in sides)
    title = f"What does head {head} of layer {layer} look at?"
    figure = pattern_pair(left, right, title=title, under="Each row is a query token, each column a key token")
    return figure.update_layout(width=None)


def numbers(measures: Sequence[tuple[xr.Dataset, str]], *, layer: int, head: int, language: str) -> go.Figure:
    """The measures of one head by language."""
    title = f"For which languages does head {head} of layer {layer} matter?"
    return profile(measures, layer=layer, head=head, language=language, title=title)


def classes(result: xr.Dataset, *, layer: int) -> go.Figure:
    """The neurons of one layer."""
    return layer_classes(result, layer, title=f"Which neurons does layer {layer} have?")


def _frames(figure: Any, layer: int, head: int) -> Any:
    """The chosen head in every panel, in black on white, which stands out from every colour of both scales."""
    for trace in figure.data:
        box = {"x0": head - 0.5, "x1": head + 0.5, "y0": layer - 0.5, "y1": layer + 0.5}
        axes = {"xref": trace.xaxis or "x", "yref": trace.yaxis or "y"}
        for colour, width in (("white", 5), ("black", 2)):
            yield {"type": "rect", **box, **axes, "line": {"color": colour, "width": width}}
