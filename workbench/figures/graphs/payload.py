"""What the page of attribution graphs holds, as plain lists, numbers and texts."""

from collections.abc import Mapping
from html import unescape
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.labels import direction, value_label
from workbench.figures.explorer.figure_json import figure_json
from workbench.figures.graphs.graph import LOOKS, SIGNS, draw
from workbench.figures.graphs.shown import Shown, targets
from workbench.figures.graphs.totals import effects

Measured = Mapping[tuple[int, int], float]
"""(layer, number of the feature) to the measured change of the first target."""
LISTED = 12  # edges into a node, and out of it
_CONTEXTS = {"layer", "number", "activation", "text", "value", "peak", "row", "rate"}


def payload(
    graphs: Mapping[str, xr.Dataset],
    contexts: xr.Dataset | None,
    measured: Mapping[str, Measured],
    *,
    nodes: int,
    edges: int,
) -> dict[str, Any]:
    """Everything that the page shows, ready for JSON.

    Raises:
        BadArgument: another Result.
    """
    shown = {name: Shown.choose(graph, nodes=nodes, edges=edges) for name, graph in graphs.items()}
    features = {pair for each in shown.values() for pair in zip(each.of("layer"), each.of("feature"), strict=True)}
    return {
        "graphs": [_graph(name, each, measured.get(name, {})) for name, each in shown.items()],
        "contexts": None if contexts is None else _contexts(contexts, features),
        "listed": LISTED,
        "colours": SIGNS,
        "legend": [
            *([kind, letter, colour] for kind, (_, letter, colour) in LOOKS.items()),
            *([f"edge that {sign}", "━", colour] for sign, colour in SIGNS.items()),
        ],
        "themes": {"light": style.LIGHT.to_plotly_json(), "dark": style.DARK.to_plotly_json()},
    }


def _graph(name: str, shown: Shown, measured: Measured) -> dict[str, Any]:
    figure = draw(shown, title="")
    layout: Any = figure.layout
    direct, total = (values[shown.nodes] for values in effects(shown.graph))
    edges = _listed(shown)
    weight, source, target = (shown.graph[key].values for key in ("weight", "edge_source", "edge_target"))
    position = shown.of("position").astype(int)
    tokens = [unescape(token) for token in shown.tokens]
    return {
        "name": unescape(value_label("group", name)),
        "note": layout.meta["note"],
        "figure": figure_json(figure),
        "targets": targets(shown.graph),
        "nodes": {
            **{key: shown.of(key).astype(int).tolist() for key in ("layer", "position", "feature")},
            **{key: _plain(shown.of(key)) for key in ("activation", "influence", "probability")},
            "number": shown.nodes.tolist(),
            "kind": shown.of("kind").astype(str).tolist(),
            "name": [unescape(words) for words in shown.names],
            "token": [tokens[at] if at >= 0 else "" for at in position],
            "x": shown.x.round(4).tolist(),
            "y": shown.y.round(4).tolist(),
            "direct": [_plain(row) for row in direct],
            "total": [_plain(row) for row in total],
            "measured": _measured(shown, measured),
            "incoming": np.bincount(target, minlength=shown.graph.sizes["node"])[shown.nodes].tolist(),
            "outgoing": np.bincount(source, minlength=shown.graph.sizes["node"])[shown.nodes].tolist(),
        },
        "edges": {
            "source": shown.place(source[edges]).tolist(),
            "target": shown.place(target[edges]).tolist(),
            "weight": _plain(weight[edges]),
        },
    }


def _listed(shown: Shown) -> np.ndarray:
    """Edges between shown nodes, strongest first: the strongest few into each node, and out of each."""
    ends = [shown.graph[name].values for name in ("edge_source", "edge_target")]
    weight = abs(shown.graph.weight.values)
    inside = np.flatnonzero(np.isin(ends[0], shown.nodes) & np.isin(ends[1], shown.nodes) & (weight > 0))
    ordered = inside[np.argsort(-weight[inside], kind="stable")]
    chosen = np.zeros(len(weight), bool)
    for end in ends:
        counts: dict[int, int] = {}
        for edge in ordered:
            node = int(end[edge])
            counts[node] = counts.get(node, 0) + 1
            chosen[edge] |= counts[node] <= LISTED
    return ordered[chosen[ordered]]


def _measured(shown: Shown, measured: Measured) -> list[float | None]:
    """The measured change of each shown node; None where none was measured."""
    pairs = zip(shown.of("layer").tolist(), shown.of("feature").tolist(), strict=True)
    return [None if (value := measured.get(pair)) is None else float(value) for pair in pairs]


def _contexts(result: xr.Dataset, features: set[tuple[int, int]]) -> dict[str, Any]:
    """The contexts of the features that are shown, by "layer/number"; languages with the strongest first.

    Raises:
        BadArgument: another Result.
    """
    if not set(result.variables) >= _CONTEXTS:
        raise BadArgument("contexts is what wb.circuits.contexts returns; this is another Result")
    languages = result["language"].values.tolist()
    texts = {}
    for place, pair in enumerate(zip(result.layer.values, result.number.values, strict=True)):
        if pair not in features:
            continue
        part = result.isel(feature=place)
        strongest = np.nan_to_num(part.activation.transpose("language", ...).values).max(1, initial=0.0)
        order = np.argsort(-strongest, kind="stable")
        texts["/".join(map(str, pair))] = [_language(part.isel(language=int(k)), languages[k]) for k in order]
    return texts


def _language(part: xr.Dataset, code: str) -> dict[str, Any]:
    right, tag = direction(code)
    texts = []
    for context in np.flatnonzero(part.row.values >= 0):
        pieces = [str(piece) for piece in part.text.values[context]]
        count = max((at for at, piece in enumerate(pieces, start=1) if piece), default=0)
        texts.append(
            {
                "row": int(part.row[context]),
                "activation": float(part.activation[context]),
                "peak": int(part.peak[context]),
                "pieces": pieces[:count],
                "values": _plain(part.value.values[context][:count]),
            }
        )
    return {
        "name": unescape(value_label("language", code)),
        "tag": tag,
        "direction": "rtl" if right else "auto",
        "rate": float(part.rate),
        "texts": texts,
    }


def _plain(values: np.ndarray) -> list[float | None]:
    """Numbers for JSON with six digits; None where there is none."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.astype(float)]
