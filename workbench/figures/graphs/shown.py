"""What of an attribution graph is shown: its most influential nodes, the strongest edges between them, and where."""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures.drawing.labels import letters_wide, quoted, token_label

KINDS = ("target", "feature", "error", "bias", "embedding")  # in the order of the legend, from the top
ALWAYS = ("target", "embedding")  # kinds that are shown however little influence they have
_NODE = ("kind", "layer", "position", "feature", "activation", "influence", "label", "probability")
_EDGE = ("weight", "edge_source", "edge_target")
NO_TOKEN = "no token"  # where nodes are that have no position
_COLUMNS = 6  # nodes side by side in one layer at one position
_APART, _LEAST = 20.0, 40.0  # pixels between two of these, and of the narrowest position
_HIGH = 0.7  # of the distance between two layers that nodes of one place fill
_LETTERS = 12  # of a token under the picture


@dataclass(frozen=True)
class Shown:
    """Nodes and edges of a graph to be drawn.

    Attributes:
        graph: the whole Result.
        nodes: their numbers in the whole graph, [shown].
        edges: their numbers in the whole graph, strongest first.
        x: of each shown node, in pixels: where its position is, spread among those of the same layer.
        y: its layer.
        names: in words, with characters that plotly would read as tags escaped.
        tokens: labels of the prompt's tokens.
        positions: those of the nodes and tokens, from -1 where nodes have none.
        centres: of the positions, in pixels: those with more nodes side by side, or longer tokens, are wider.
        width: of all positions, in pixels.
    """

    graph: xr.Dataset
    nodes: np.ndarray
    edges: np.ndarray
    x: np.ndarray
    y: np.ndarray
    names: list[str]
    tokens: list[str]
    positions: np.ndarray
    centres: np.ndarray
    width: float

    @classmethod
    def choose(cls, graph: xr.Dataset, *, nodes: int, edges: int) -> Shown:
        """The `nodes` most influential nodes beside tokens and targets, and the `edges` strongest edges between them.

        Raises:
            BadArgument: another Result.
        """
        _check(graph)
        always = np.isin(graph.kind.values.astype(str), ALWAYS)
        influence = np.nan_to_num(graph.influence.values.astype(float))
        others = np.flatnonzero(~always)
        strongest = others[np.argsort(-influence[others], kind="stable")[:nodes]]
        chosen = np.sort(np.concatenate([np.flatnonzero(always), strongest]))
        inside = np.isin(graph.edge_source.values, chosen) & np.isin(graph.edge_target.values, chosen)
        between = np.flatnonzero(inside & (graph.weight.values != 0))
        ordered = between[np.argsort(-abs(graph.weight.values[between]), kind="stable")[:edges]]
        tokens = [token_label(token, most=_LETTERS) for token in graph["token"].values]
        names = [_name(graph, int(node)) for node in chosen]
        position = graph.position.values[chosen]
        beside, y = _places(graph, chosen)
        positions, widths = _widths(position, beside, tokens)
        centres = widths.cumsum() - widths / 2
        x = centres[position - positions[0]] + beside
        return cls(graph, chosen, ordered, x, y, names, tokens, positions, centres, float(widths.sum()))

    def of(self, name: str) -> np.ndarray:
        """A variable of the shown nodes."""
        return self.graph[name].values[self.nodes]

    def place(self, nodes: Any) -> np.ndarray:
        """Places among the shown nodes, of nodes by their numbers in the whole graph."""
        return np.searchsorted(self.nodes, nodes)

    @property
    def left_out(self) -> str:
        """How much of the graph is not shown, in words; empty where all of it is."""
        counts = ((len(self.nodes), self.graph.sizes["node"]), (len(self.edges), self.graph.sizes["edge"]))
        if all(some == all_ for some, all_ in counts):
            return ""
        (nodes, all_nodes), (edges, all_edges) = counts
        return f"the strongest {nodes:,} of {all_nodes:,} nodes and {edges:,} of {all_edges:,} edges"


def targets(graph: xr.Dataset) -> list[str]:
    """What a graph's targets are, as plain words in quotes.

    Raises:
        BadArgument: another Result.
    """
    _check(graph)
    labels = graph.label.values[graph.kind.values.astype(str) == "target"]
    parts = [str(label).split(" less ") for label in labels]  # an answer less a foil
    return [unescape(" less ".join(map(quoted, part))) for part in parts]


def _check(graph: xr.Dataset) -> None:
    if not {*_NODE, *_EDGE, "token"} <= set(graph.variables):
        raise BadArgument("this draws what wb.circuits.graph returns; this is another Result")


def _places(graph: xr.Dataset, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where nodes lie beside the middle of their position, in pixels, and their height.

    Nodes of one layer and position lie side by side, features by number, then what is no feature.
    """
    position, layer = graph.position.values[nodes], graph.layer.values[nodes]
    feature = graph.feature.values[nodes]
    beside, y = np.zeros(len(nodes)), layer.astype(float)
    for place in np.unique(np.stack([position, layer]), axis=1).T:
        here = np.flatnonzero((position == place[0]) & (layer == place[1]))
        here = here[np.argsort(np.where(feature[here] < 0, np.inf, feature[here]), kind="stable")]
        columns = min(_COLUMNS, len(here))
        rows = -(-len(here) // columns)
        at = np.arange(len(here))
        beside[here] = (at % columns - (columns - 1) / 2) * _APART
        y[here] += (at // columns - (rows - 1) / 2) * min(0.2, _HIGH / rows)
    return beside, y


def _widths(position: np.ndarray, beside: np.ndarray, tokens: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """All positions, from -1 where a node has none, and the pixels that each needs."""
    positions = np.arange(position.min(initial=0), len(tokens))
    labels = [NO_TOKEN if place < 0 else tokens[place] for place in positions]
    letters = [7.2 * letters_wide(label) + 10 for label in labels]
    spread = [2 * abs(beside[position == place]).max(initial=0.0) + 1.5 * _APART for place in positions]
    return positions, np.maximum(np.maximum(letters, spread), _LEAST)


def _name(graph: xr.Dataset, node: int) -> str:
    """A node in words: "feature 17 of layer 3 at “Hund”"."""
    kind, layer, position = (
        str(graph.kind.values[node]),
        int(graph.layer.values[node]),
        int(graph.position.values[node]),
    )
    where = f" at {quoted(graph['token'].values[position])}" if position >= 0 else ""
    if kind == "target":
        return f"target {quoted(graph.label.values[node])}"
    if kind == "embedding":
        return f"embedding{where}"
    number = f" {int(graph.feature.values[node])}" if kind == "feature" else ""
    return f"{kind}{number}{f' of layer {layer}' if layer >= 0 else ''}{where}"
