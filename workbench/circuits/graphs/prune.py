"""Prune: the nodes and edges of an attribution graph that carry most of the influence."""

import numpy as np
import xarray as xr

from workbench.arguments import checked, finite
from workbench.circuits.graphs.influence import shares
from workbench.errors import BadResult

_ALWAYS = ("embedding", "bias", "target")
_NEEDED = ("weight", "edge_source", "edge_target", "kind", "target_weight")


@checked
def prune(graph: xr.Dataset, *, nodes: float = 0.8, edges: float = 0.98) -> xr.Dataset:
    """Leave the nodes that carry most of the influence on the targets, then the edges among them that do.

    Embeddings, the bias and the targets always stay. Where anything is left out, features without an input or output
    and errors without an output go as well, repeatedly.

    Args:
        graph: Result of `graph`.
        nodes: share of the influence of all nodes that those which stay carry, the most influential first.
        edges: the same of edges: an edge counts its share of what its target receives, times the target's influence
            and weight.

    Returns:
        The same variables for fewer nodes and edges, numbered anew; values, influence and scores are those of the
        whole graph. Attributes `node_share` and `edge_share`. With both shares 1 the graph is unchanged.

    Raises:
        BadResult: it is no attribution graph.
        BadArgument: a share outside 0 to 1.

    Source:
        Ameisen et al. 2025, with the thresholds of the released circuit-tracer; for prompts in several languages 0.85
        to 0.95 of the edges are usual.

    Example:
        >>> circuits.prune(graph, nodes=0.6, edges=0.9).sizes                                          # doctest: +SKIP
    """
    finite("nodes", nodes, at_least=0, at_most=1)
    finite("edges", edges, at_least=0, at_most=1)
    read_graph(graph)
    kind, source, target = graph.kind.values, graph.edge_source.values, graph.edge_target.values
    weights = graph.target_weight.values
    every = shares(source, target, graph.weight.values, weights)
    alive = _most(every.influence(), nodes) | np.isin(kind, _ALWAYS)
    among = np.flatnonzero(alive[source] & alive[target])
    rest = shares(source[among], target[among], graph.weight.values[among], weights)
    counted = rest.share * (rest.influence() + weights)[rest.target]
    present = np.zeros(len(source), dtype=bool)
    present[among[_most(counted, edges)]] = True
    if nodes < 1 or edges < 1:
        alive = _connected(alive, present, source, target, kind)
        present &= alive[source] & alive[target]
    number = np.cumsum(alive) - 1
    pruned = graph.isel(node=np.flatnonzero(alive), edge=np.flatnonzero(present))
    pruned = pruned.assign_coords(node=np.arange(pruned.sizes["node"]), edge=np.arange(pruned.sizes["edge"]))
    for name in ("edge_source", "edge_target"):
        pruned[name] = pruned[name].copy(data=number[pruned[name].values].astype(source.dtype))
    return pruned.assign_attrs(node_share=float(nodes), edge_share=float(edges))


def read_graph(graph: xr.Dataset) -> None:
    """Refuse what is no attribution graph.

    Raises:
        BadResult: names the variables that it lacks.
    """
    if missing := [name for name in _NEEDED if name not in graph]:
        raise BadResult(f"this is no attribution graph: it lacks {', '.join(missing)}; circuits.graph makes them")


def _most(values: np.ndarray, share: float) -> np.ndarray:
    """The largest values that reach a share of their sum, and all that are as large as the last of them."""
    if share >= 1 or not values.any():
        return np.ones(len(values), dtype=bool)
    ordered = np.sort(values)[::-1]
    reached = np.searchsorted(ordered.cumsum() / ordered.sum(), share)
    return values >= ordered[min(reached, len(ordered) - 1)]


def _connected(
    alive: np.ndarray, present: np.ndarray, source: np.ndarray, target: np.ndarray, kind: np.ndarray
) -> np.ndarray:
    """Nodes without features that lack an input or output, and errors that lack an output, until none is left."""
    feature, error = kind == "feature", kind == "error"
    while True:
        used = present & alive[source] & alive[target]
        gives, receives = (np.bincount(ends[used], minlength=len(kind)) > 0 for ends in (source, target))
        still = alive & ~(feature & ~(gives & receives)) & ~(error & ~gives)
        if (still == alive).all():
            return alive
        alive = still
