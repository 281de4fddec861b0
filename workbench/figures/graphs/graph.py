"""An attribution graph: nodes by token and layer, edges between them by weight."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.arguments import whole_number
from workbench.figures.drawing import style
from workbench.figures.drawing.labels import escape
from workbench.figures.graphs.shown import KINDS, NO_TOKEN, Shown, targets
from workbench.figures.heatmap import titled
from workbench.figures.printing.styled import styled
from workbench.figures.question import origin

NODES, EDGES = 150, 400  # shown unless more are wanted
LOOKS = {  # symbol, the same as a letter, colour
    "target": ("diamond", "◆", style.LINES[4]),
    "feature": ("circle", "●", style.LINES[2]),
    "error": ("x", "✖", style.LINES[6]),
    "bias": ("triangle-down", "▼", style.LINES[3]),
    "embedding": ("square", "■", style.LINES[5]),
}
SIGNS = {"raises": style.LINES[1], "lowers": style.LINES[0]}
_WIDTHS = 6  # of lines: plotly draws all parts of a line equally wide
_THINNEST, _WIDEST = 0.6, 5.0  # pixels
_SMALLEST, _LARGEST = 7.0, 24.0  # pixels


@styled
def graph(result: xr.Dataset, *, nodes: int = NODES, edges: int = EDGES, title: str | None = None) -> go.Figure:
    """Draw an attribution graph: tokens across, layers upwards, embeddings at the bottom and targets on top.

    The larger a node, the greater its influence on the targets; the wider an edge, the larger its weight. Tokens and
    targets are always shown.

    Args:
        result: what `wb.circuits.graph` or `wb.circuits.prune` returned.
        nodes: other nodes shown, those with the greatest influence.
        edges: edges shown between them, those with the largest weights.
        title: in place of the question that the figure answers; "" for none.

    Returns:
        The figure; it is neither shown nor written. `customdata` of a node is its number in the graph.

    Raises:
        BadArgument: another Result, or a count below 1.

    Example:
        >>> wb.figures.graph(wb.circuits.prune(wb.circuits.graph(transcoder, model, prompt)))    # doctest: +SKIP
    """
    for name, value in (("nodes", nodes), ("edges", edges)):
        whole_number(name, value, at_least=1)
    return draw(Shown.choose(result, nodes=nodes, edges=edges), title=title)


def draw(shown: Shown, *, title: str | None = None) -> go.Figure:
    """The figure of what was chosen of a graph: traces of edges, then of nodes."""
    figure = go.Figure([*_edges(shown), *_nodes(shown)])
    bottom, top = int(shown.of("layer").min(initial=0)), int(shown.of("layer").max(initial=0))
    figure.update_xaxes(
        title={"text": "Tokens of the prompt"},
        tickvals=shown.centres,
        ticktext=[NO_TOKEN] * (len(shown.positions) - len(shown.tokens)) + shown.tokens,
        tickangle=0,
        showgrid=False,
        zeroline=False,
        range=[0, shown.width],
    )
    layers = list(range(max(bottom, 0), top))
    figure.update_yaxes(
        title={"text": "Layer"},
        tickvals=[-1, *layers, top],
        ticktext=["embedding", *map(str, layers), "output"],
        zeroline=False,
        range=[bottom - 0.55, top + 0.55],
    )
    figure.update_layout(
        width=max(round(shown.width) + 250, 760),
        height=int(np.clip(74 * (top - bottom + 1), 420, 1400)) + 140,
        margin={"l": 96, "r": 150},
        legend={"title": {"text": "Node"}, "itemsizing": "constant"},
        hovermode="closest",
    )
    heading = f"How does the prompt lead to {escape(', '.join(targets(shown.graph)))}?"
    return titled(figure, heading if title is None else title or None, _under(shown))


def _edges(shown: Shown) -> Iterator[go.Scatter]:
    """Lines by sign and width, and a point in the middle of each that shows its numbers."""
    weight = shown.graph.weight.values[shown.edges]
    ends = [shown.place(shown.graph[name].values[shown.edges]) for name in ("edge_source", "edge_target")]
    share = abs(weight) / max(abs(weight).max(initial=0.0), np.finfo(float).tiny)
    step = np.minimum((share * _WIDTHS).astype(int), _WIDTHS - 1)
    x, y = (np.stack([at[ends[0]], at[ends[1]], np.full(len(weight), np.nan)], 1) for at in (shown.x, shown.y))
    for sign, colour in SIGNS.items():
        named = False
        for width in range(_WIDTHS - 1, -1, -1):
            own = ((weight > 0) == (sign == "raises")) & (step == width)
            if not own.any():
                continue
            yield go.Scatter(
                x=x[own].ravel(),
                y=y[own].ravel(),
                mode="lines",
                line={"color": colour, "width": _THINNEST + (_WIDEST - _THINNEST) * width / (_WIDTHS - 1)},
                opacity=0.35 + 0.45 * width / (_WIDTHS - 1),
                hoverinfo="skip",
                name=f"edge that {sign}",
                legendgroup=sign,
                showlegend=not named,
            )
            named = True
    texts = [
        f"{shown.names[source]}<br>→ {shown.names[target]}<br>weight {value:+.3g}"
        for source, target, value in zip(*ends, weight, strict=True)
    ]
    marker = {"size": 8, "opacity": 0, "color": style.MISSING}
    middle = {"x": np.nanmean(x, 1), "y": np.nanmean(y, 1)} if len(weight) else {"x": [], "y": []}
    yield go.Scatter(
        **middle,
        mode="markers",
        marker=marker,
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )


def _nodes(shown: Shown) -> Iterator[go.Scatter]:
    """Markers by kind; `customdata` is the node's number in the graph."""
    kind = shown.of("kind").astype(str)
    influence = np.nan_to_num(shown.of("influence").astype(float)).clip(0)
    largest = influence[kind != "target"].max(initial=0.0) or 1.0
    size = _SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(np.minimum(influence / largest, 1.0))
    hover = np.array([_hover(shown, place) for place in range(len(shown.nodes))], dtype=object)
    for name in reversed(KINDS):
        own = kind == name
        if not own.any():
            continue
        symbol, _, colour = LOOKS[name]
        yield go.Scatter(
            x=shown.x[own],
            y=shown.y[own],
            mode="markers",
            marker={
                "symbol": symbol,
                "color": colour,
                "size": np.full(own.sum(), 15.0) if name == "target" else size[own],
                "line": {"color": "white", "width": 1},
                "opacity": 1,
            },
            customdata=shown.nodes[own],
            hovertext=hover[own],
            hovertemplate="%{hovertext}<extra></extra>",
            name=name,
        )


def _hover(shown: Shown, place: int) -> str:
    lines = [f"<b>{shown.names[place]}</b>"]
    position = int(shown.of("position")[place])
    lines += [f"position {position}"] if position >= 0 else []
    for name in ("activation", "influence", "probability"):
        value = float(shown.of(name)[place])
        lines += [f"{name} {value:.3g}"] if np.isfinite(value) else []
    return "<br>".join(lines)


def _under(shown: Shown) -> str:
    """The line under the title."""
    attrs: dict[Any, Any] = shown.graph.attrs
    scores = [f"{name} {float(attrs[name]):.2f}" for name in ("replacement", "completeness") if name in attrs]
    looks = "size: influence · width: weight"
    parts = [looks, *scores, *([shown.left_out] if shown.left_out else []), *origin(shown.graph)[:1]]
    return " · ".join(parts[:3]) + ("<br>" + " · ".join(parts[3:]) if parts[3:] else "")
