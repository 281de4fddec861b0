"""Influence of the nodes of a graph on its targets, and how much of it errors carry."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.errors import BadResult

Variant = Literal["paper", "released"]


@dataclass(frozen=True, eq=False)
class Shares:
    """Edges of a graph as shares: of all that a node receives, in absolute value, what comes by each.

    Attributes:
        source: [edge].
        target: [edge].
        share: [edge]; those into one node sum to 1.
        weights: what each node counts as a target, [node].
    """

    source: np.ndarray
    target: np.ndarray
    share: np.ndarray
    weights: np.ndarray

    @property
    def has_inputs(self) -> np.ndarray:
        """Nodes that receive something, [node] bool."""
        return np.bincount(self.target, self.share, len(self.weights)) > 0

    def influence(self) -> np.ndarray:
        """Of each node on the targets over all paths: w (A + A A + ...), A being the shares. [node].

        Raises:
            BadResult: the edges have a circle.
        """
        count = len(self.weights)
        current, total = self.weights, np.zeros(count)
        for _ in range(count + 1):
            current = np.bincount(self.source, self.share * current[self.target], count)
            if not current.any():
                return total
            total += current
        raise BadResult("the graph has a circle: edges of an attribution graph lead from earlier to later parts")


def shares(source: np.ndarray, target: np.ndarray, weight: np.ndarray, weights: np.ndarray) -> Shares:
    """Scale the edges into each node to shares.

    Args:
        source: [edge], node numbers.
        target: [edge].
        weight: [edge].
        weights: what each node counts as a target, [node].
    """
    size = np.abs(weight.astype(float))
    received = np.bincount(target, size, len(weights))[target]
    return Shares(source, target, np.divide(size, received, out=np.zeros_like(size), where=received > 0), weights)


def scores(parts: Shares, influence: np.ndarray, kind: np.ndarray, variant: Variant) -> tuple[float, float]:
    """Replacement and completeness of a graph.

    Replacement is the influence of embeddings over that of embeddings and errors. Completeness is the mean over
    nodes, weighted by influence and weight as a target, of the share that they do not receive from errors: over nodes
    that receive something, or, `released`, over all.

    Args:
        parts: the graph.
        influence: of each node.
        kind: of each node.
        variant: see above.
    """
    tokens, errors = (float(influence[kind == name].sum()) for name in ("embedding", "error"))
    from_errors = np.bincount(parts.target, parts.share * (kind[parts.source] == "error"), len(kind))
    counted = (influence + parts.weights) * (parts.has_inputs if variant == "paper" else 1)
    replacement = tokens / (tokens + errors) if tokens + errors else float("nan")
    completeness = float(((1 - from_errors) * counted).sum() / counted.sum()) if counted.any() else float("nan")
    return replacement, completeness
