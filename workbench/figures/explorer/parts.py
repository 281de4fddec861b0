"""The parts of the explorer as figures of their own: heads, one head's pattern, its numbers by language, a layer.

The page and the live widget show the same parts, so that both agree.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from workbench.arguments import expect, shown
from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.choose import choose
from workbench.figures.drawing.labels import describe, escape, token_label, value_label
from workbench.figures.heatmap import heatmap, titled
from workbench.figures.printing.styled import styled

CLASSES = ("specific", "related", "general", "unassigned")  # `other` is the rest
_CELLS = ("language", "layer", "head")
_MOST_TOKENS = 44  # of an axis that can all be written
_UNFINISHED = "⋯"  # a token whose character a later token completes


def head_grid(
    result: xr.Dataset, variable: str, *, columns: int | None = None, title: str | None = None, **select: Any
) -> go.Figure:
    """A panel a language, a row a layer, a cell a head; `meta["language"]` of each trace says whose panel it is.

    Args:
        result: what an analysis returned.
        variable: a number for each [language, layer, head], or for each [layer, head].
        columns: panels side by side.
        title: in place of the question that the figure answers.
        **select: coordinates by name, as in `heatmap`.

    Returns:
        The figure; a click on it gives layer (y) and head (x), and its trace the language.

    Raises:
        BadArgument: no such variable, or it has other axes.

    Example:
        >>> head_grid(wb.heads.importance(model, corpus), "importance")                          # doctest: +SKIP
    """
    chosen = choose(result, variable, select)
    if not {"layer", "head"} <= set(chosen.dims) <= set(_CELLS) or chosen.values.dtype.kind not in "fiu":
        raise BadArgument(
            f"a grid of heads shows numbers [language, layer, head]; {variable} has [{', '.join(chosen.dims)}] of "
            f"{chosen.values.dtype}"
        )
    return heatmap(result, variable, x="head", y="layer", columns=columns, title=title, **select)


def token_labels(tokens: Sequence[str]) -> list[str]:
    """Words for tokens on an axis: spaces visible, cut where long, those without a whole character as dots."""
    return [token_label(token) if token else _UNFINISHED for token in tokens]


def pattern(values: Any, tokens: Sequence[str], *, title: str = "", under: str = "") -> go.Figure:
    """The attention of one head on one text, tokens on both axes: a row attends to the columns left of it.

    The colour runs from 0 to 1 in every text, so that patterns can be compared. Later tokens, which a
    token cannot attend to, stay empty.

    Args:
        values: shares of the attention, [query, key]; NaN is empty.
        tokens: of the text, in order.
        title: of the figure.
        under: the line under it.

    Returns:
        The figure, one heatmap; a click or hover gives the positions of query (y) and key (x).

    Raises:
        BadArgument: values and tokens do not fit.

    Example:
        >>> found = wb.heads.patterns(model, corpus, sentences=[0]).sel(sentence=0, language="ja")   # doctest: +SKIP
        >>> n = int(found.length)                                                                    # doctest: +SKIP
        >>> pattern(found.pattern[3, 5, :n, :n], found.token.values[:n])                             # doctest: +SKIP
    """
    figure = go.Figure(_pattern_cells(values, tokens))
    for axis, name in ((figure.update_xaxes, "Key: attended token"), (figure.update_yaxes, "Query: attending token")):
        axis(title={"text": name}, **_token_axis(tokens))
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain")
    figure.update_layout(height=480, coloraxis=_attention())
    return titled(figure, escape(title), escape(under))


@styled
def pattern_pair(
    left: tuple[Any, Sequence[str], str], right: tuple[Any, Sequence[str], str], *, title: str = "", under: str = ""
) -> go.Figure:
    """Two patterns side by side on one colour scale, such as one head on one sentence in two languages.

    Args:
        left: values [query, key], tokens, and the name of the panel, as of `pattern`.
        right: the same of the other text.
        title: of the figure.
        under: the line under it.

    Returns:
        The figure, two heatmaps.

    Raises:
        BadArgument: values and tokens do not fit.
    """
    for name, (values, tokens, panel) in (("left", left), ("right", right)):
        expect(f"{name}'s tokens", tokens, Sequence[str])
        expect(f"{name}'s name", panel, str)
        try:
            np.asarray(values, dtype=float)
        except (TypeError, ValueError, OverflowError):
            raise BadArgument(f"{name}'s values={shown(values)}; give numbers, [query, key]") from None
    figure = make_subplots(rows=1, cols=2, subplot_titles=[escape(left[2]), escape(right[2])], horizontal_spacing=0.14)
    for column, (values, tokens, _) in enumerate((left, right), start=1):
        figure.add_trace(_pattern_cells(values, tokens), row=1, col=column)
        across = "x" if column == 1 else "x2"
        figure.update_xaxes(constrain="domain", **_token_axis(tokens), row=1, col=column)
        upright = {"autorange": "reversed", "scaleanchor": across, "constrain": "domain", **_token_axis(tokens)}
        figure.update_yaxes(upright, row=1, col=column)
    figure.update_annotations(font={"size": 13})
    figure.update_layout(height=500, width=980, coloraxis=_attention())
    return titled(figure, escape(title), escape(under), columns=4)


def profile(
    measures: Sequence[tuple[xr.Dataset, str]], *, layer: int, head: int, language: str | None = None, title: str = ""
) -> go.Figure:
    """The numbers of one head by language, with their intervals: a panel for each measure.

    Args:
        measures: results and the name of the variable [language, layer, head] to take from each; a row of the figure
            for each of their languages.
        layer: of the head.
        head: its number.
        language: to highlight.
        title: of the figure.

    Returns:
        The figure; a trace for each measure, with the interval as error bars where the result has one.

    Raises:
        BadArgument: no measures, or no such variable, layer or head.

    Example:
        >>> profile([(scores, "importance"), (removal, "delta")], layer=3, head=5, language="ja")   # doctest: +SKIP
    """
    if not measures:
        raise BadArgument("a profile needs one measure or more, such as (wb.heads.ablate(model, corpus), 'delta')")
    parts = [choose(result, variable, {"layer": layer, "head": head}) for result, variable in measures]
    codes = sorted({code for part in parts for code in part.values["language"].values.tolist()})
    names = [value_label("language", code) for code in codes]
    figure = make_subplots(rows=1, cols=len(parts), shared_yaxes=True, horizontal_spacing=0.05)
    for column, part in enumerate(parts, start=1):
        part_of = {name: array.reindex(language=codes).values for name, array in part.companions.items()}
        values = part.values.reindex(language=codes).values
        extra = [part_of[name] for name in ("low", "high", "p_value") if name in part_of]
        lines = [f"{describe(part.values)}: %{{x:.4g}}"]
        if "low" in part_of:
            lines.append("interval %{customdata[0]:.3g} to %{customdata[1]:.3g}")
        if "p_value" in part_of:
            lines.append(f"p-value, corrected: %{{customdata[{len(extra) - 1}]:.3g}}")
        bars = {"array": part_of["high"] - values, "arrayminus": values - part_of["low"]} if "low" in part_of else {}
        marks = [style.LINES[1] if code == language else style.LINES[0] for code in codes]
        trace = go.Scatter(
            x=values,
            y=names,
            customdata=np.stack(extra, axis=-1) if extra else None,
            mode="markers",
            marker={"size": 9, "color": marks},
            error_x={"type": "data", "thickness": 1.5, "width": 0, "color": "#8a93a0", **bars},
            name=describe(part.values),
            hovertemplate="<br>".join(["<b>%{y}</b>", *lines]) + "<extra></extra>",
            showlegend=False,
        )
        figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(
            title={"text": describe(part.values)}, zeroline=True, rangemode="tozero", nticks=6, row=1, col=column
        )
    figure.update_yaxes(autorange="reversed", type="category", categoryorder="array", categoryarray=names, ticks="")
    figure.update_layout(height=130 + 24 * len(codes))
    return titled(figure, escape(title), f"Layer {layer} · head {head}", columns=2 * len(parts))


def layer_classes(result: xr.Dataset, layer: int, *, title: str = "") -> go.Figure:
    """The neurons of one layer by class, and how many of them each language has.

    Args:
        result: what `neurons.ternary` returned.
        layer: of the neurons.
        title: of the figure.

    Returns:
        The figure: bars for the classes without `other`, and for the languages the specific and related neurons.

    Raises:
        BadArgument: another Result, or no such layer.

    Example:
        >>> layer_classes(wb.neurons.ternary(wb.neurons.firing(model, corpus)), 2)               # doctest: +SKIP
    """
    kind = choose(result, "kind", {"layer": layer}).values
    member = choose(result, "member", {"layer": layer}).values.transpose("language", "neuron")
    if kind.dims != ("neuron",):
        raise BadArgument(
            f"layer_classes shows kind[layer, neuron] of neurons.ternary; got {', '.join(map(str, result.sizes))}"
        )
    names = [value_label("language", code) for code in member["language"].values]
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=["by class", "by language"], column_widths=[0.4, 0.6], horizontal_spacing=0.24
    )
    shown = [name for name in CLASSES if (result["kind"] == name).any()]
    counts = [int((kind == name).sum()) for name in shown]
    figure.add_trace(_bars(counts, shown, [style.CATEGORIES[name] for name in shown], "neurons"), row=1, col=1)
    owned = {name: (member.values & (kind.values == name)).sum(1) for name in ("specific", "related")}
    for name, neurons in owned.items():
        bars = _bars(neurons.tolist(), names, style.CATEGORIES[name], name)
        figure.add_trace(bars.update(showlegend=True, text=None), row=1, col=2)
    figure.update_yaxes(autorange="reversed", type="category", ticks="")
    for column, most in enumerate((max(counts, default=0), int(np.sum(list(owned.values()), axis=0).max())), start=1):
        figure.update_xaxes(title={"text": "neurons"}, row=1, col=column, **_count_axis(most))
    figure.update_annotations(font={"size": 13})
    figure.update_layout(
        height=150 + 24 * max(len(names), 4),
        barmode="stack",
        bargap=0.35,
        margin={"t": 96},
        legend={"traceorder": "normal"},
    )
    rest = kind.size - sum(counts)
    return titled(figure, escape(title), f"Layer {layer}: {kind.size} neurons, {rest} in no class", columns=4)


def _pattern_cells(values: Any, tokens: Sequence[str]) -> go.Heatmap:
    cells = np.asarray(values, dtype=float)
    if cells.shape != (len(tokens), len(tokens)):
        raise BadArgument(f"a pattern is [query, key] of {len(tokens)} tokens; got {list(cells.shape)}")
    cells = np.where(np.tri(len(tokens), dtype=bool), cells, np.nan)
    labels = token_labels(tokens)
    return go.Heatmap(
        z=cells,
        text=[
            [f"“{query}” {q} attends to “{key}” {k}" for k, key in enumerate(labels)] for q, query in enumerate(labels)
        ],
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate="%{text}<br>attention %{z:.3f}<extra></extra>",
    )


def _token_axis(tokens: Sequence[str]) -> dict[str, Any]:
    step = -(-len(tokens) // _MOST_TOKENS)
    places = list(range(0, len(tokens), step))
    return {
        "showgrid": False,
        "zeroline": False,
        "tickmode": "array",
        "tickvals": places,
        "ticktext": token_labels([tokens[place] for place in places]),
        "tickfont": {"size": 12 if len(tokens) <= 16 else 10 if len(tokens) <= 30 else 8},
        "ticks": "",
    }


def _attention() -> dict[str, Any]:
    bar = {
        "thickness": 11,
        "outlinewidth": 0,
        "title": {"text": "attention", "side": "right"},
        "tickfont": {"size": 11},
    }
    return {"colorscale": style.SEQUENTIAL, "cmin": 0, "cmax": 1, "colorbar": bar}


def _count_axis(most: int) -> dict[str, Any]:
    """An axis of whole numbers from 0, with at most five of them."""
    return {"range": [0, max(most, 1) * 1.05], "tick0": 0, "dtick": -(-max(most, 1) // 4), "tickformat": ",d"}


def _bars(counts: list[int], names: list[str], colour: Any, name: str) -> go.Bar:
    return go.Bar(
        x=counts,
        y=names,
        orientation="h",
        marker={"color": colour},
        name=name,
        text=counts,
        showlegend=False,
        hovertemplate="%{y}: %{x} " + (name if name == "neurons" else f"{name} neurons") + "<extra></extra>",
    )
