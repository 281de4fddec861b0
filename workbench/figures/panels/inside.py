"""Inside: what training changed inside a model, layer by layer, in the recipe and in its controls."""

from typing import Any

import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from workbench.errors import BadArgument
from workbench.figures.curves import curves
from workbench.figures.drawing import style
from workbench.figures.drawing.choose import choose
from workbench.figures.drawing.labels import value_label
from workbench.figures.heatmap import with_question
from workbench.figures.printing.panels import layout_of, traces
from workbench.figures.printing.styled import styled

_CHANGES = {"inside_reclassified": "neurons of another class", "inside_heads_moved": "change of heads' importance"}
_LEVELS = {"inside_lens": "words of {}", "inside_patched_concept": "patched concept"}
_HEIGHT, _LEGEND = 250, 34  # of a panel, and of the legend below all


@styled
def inside(result: xr.Dataset, *, language: str | None = None, title: str | None = None) -> go.Figure:
    """Draw what training changed inside a model: up to four panels by layer, a line for each condition.

    The share of neurons whose class changed; how far the importance of heads moved; the probability of a language's
    words at each state of the model where they are wanted; and that of a concept after the state was patched. The last
    two also have the model before training. Bands are intervals.

    Args:
        result: what `run(..., inside=)` or `Inside.compare` returned.
        language: of the words; that of the patched run when None.
        title: in place of the question that the figure answers; "" for none.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: a Result without what is inside.
        UnknownLanguage: a language that the Result does not have.

    Example:
        >>> wb.figures.inside(wb.laboratories.more_from_less(inside=wb.laboratories.inside()))    # doctest: +SKIP
    """
    present = [name for name in (*_CHANGES, *_LEVELS) if name in result]
    if not present:
        raise BadArgument("nothing inside was looked at; give what run(..., inside=wb.laboratories.inside()) returned")
    if "inside_lens" in present:
        codes = result["language"].values.tolist()
        target = str(result.inside_lens.attrs.get("target"))  # a run may have measured other languages
        language = language or (target if target in codes else codes[0])
    names = {**_CHANGES, **_LEVELS}
    word = value_label("language", language, short=True) if language else ""
    columns = min(len(present), 2)
    rows = -(-len(present) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        horizontal_spacing=0.14,
        vertical_spacing=0.2 if rows > 1 else 0,
        subplot_titles=[names[name].format(word) for name in present],
    )
    for number, name in enumerate(present):
        spot: Any = {"row": 1 + number // columns, "col": 1 + number % columns}
        panel = curves(result, name, title="", **_selection(result, name, language))
        for trace in traces(panel):
            figure.add_trace(trace.update(showlegend=bool(trace.showlegend) and name == _fullest(present)), **spot)
        figure.update_xaxes(layout_of(panel).xaxis, **spot)
    figure.update_annotations(font={"size": 13}, yshift=4)
    figure.update_yaxes(rangemode="tozero", zeroline=True)
    top, bottom = style.MARGIN["t"] + 24, style.MARGIN["b"] + _LEGEND
    figure.update_layout(
        height=rows * _HEIGHT + top + bottom,
        margin={"t": top, "b": bottom},
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        hovermode="closest",
    )
    chosen = choose(result, present[0], {})
    notes = ["band: the interval of each value"]
    default = "What did training change inside, beyond its controls?"
    return with_question(figure, title, result, chosen, default=default, notes=notes, columns=2 * columns)


def _selection(result: xr.Dataset, name: str, language: str | None) -> dict[str, Any]:
    """What a panel draws of its variable; of changes, not those before training."""
    if name in _CHANGES:
        return {"condition": result["condition"].values[1:].tolist()}
    return {"language": language} if name == "inside_lens" else {}


def _fullest(present: list[str]) -> str:
    """The panel whose lines are in the legend: one with all conditions where there is any."""
    return next((name for name in present if name in _LEVELS), present[0])
