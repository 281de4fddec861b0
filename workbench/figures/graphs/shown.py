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
_COLUMNS = 6  # nodes side by side in one layer at one position
_WIDE, _HIGH = 0.8, 0.7  # of the distance between two positions, and two layers, that nodes of one place fill
_LETTERS = 12  # of a token under the picture


@dataclass(frozen=True)
class Shown:
    """Nodes and edges of a graph to be drawn.

    Attributes:
        graph: the whole Result.
        nodes: their numbers in the whole graph, [shown].
        edges: their numbers in the whole graph, strongest first.
        x: of each shown node: its position, spread among those of the same layer.
        y: its layer.
        names: in words, with characters that plotly would read as tags escaped.
        tokens: labels of the prompt's tokens.
    """

    graph: xr.Dataset
    nodes: np.ndarray
    edges: np.ndarray
    x: np.ndarray
    y: np.ndarray
    names: list[str]
    tokens: list[str]

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
        x, y = _places(graph, chosen)
        return cls(graph, chosen, ordered, x, y, [_name(graph, int(node)) for node in chosen], tokens)

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

    @property
    def width_of_position(self) -> float:
        """Pixels that a position needs, for its token and its nodes."""
        crowded = np.unique(np.stack([np.floor(self.x + 0.5), np.floor(self.y + 0.5)]), axis=1, return_counts=True)[1]
        columns = min(_COLUMNS, int(crowded.max(initial=1)))
        return max(46.0, 7.2 * max(map(letters_wide, self.tokens), default=1) + 8, 17.0 * columns / _WIDE)


def targets(graph: xr.Dataset) -> list[str]:
    """What a graph's targets are, as plain words in quotes.

    Raises:
        BadArgument: another Result.
    """
    _check(graph)
    labels = graph.label.values[graph.kind.values.astype(str) == "target"]
    return [unescape(quoted(label)) for label in labels]


def _check(graph: xr.Dataset) -> None:
    if not {*_NODE, *_EDGE, "token"} <= set(graph.variables):
        raise BadArgument("this draws what wb.circuits.graph returns; this is another Result")


def _places(graph: xr.Dataset, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where nodes lie: nodes of one layer and position side by side, features by number, then what is no feature."""
    position, layer = graph.position.values[nodes].astype(float), graph.layer.values[nodes].astype(float)
    feature = graph.feature.values[nodes]
    x, y = position.copy(), layer.copy()
    for place in np.unique(np.stack([position, layer]), axis=1).T:
        here = np.flatnonzero((position == place[0]) & (layer == place[1]))
        here = here[np.argsort(np.where(feature[here] < 0, np.inf, feature[here]), kind="stable")]
        columns = min(_COLUMNS, len(here))
        rows = -(-len(here) // columns)
        at = np.arange(len(here))
        x[here] += (at % columns - (columns - 1) / 2) * min(0.25, _WIDE / columns)
        y[here] += (at // columns - (rows - 1) / 2) * min(0.2, _HIGH / rows)
    return x, y


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
