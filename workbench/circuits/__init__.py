"""Circuits: transcoders, attribution graphs, what features say of languages, and when a circuit is accepted."""

from workbench.circuits.features.contexts import contexts
from workbench.circuits.graphs.export import export
from workbench.circuits.graphs.graph import graph
from workbench.circuits.graphs.prune import prune
from workbench.circuits.graphs.targets import Targets, direction
from workbench.circuits.transcoders.train import train
from workbench.circuits.transcoders.transcoder import Transcoder

__all__ = ["Targets", "Transcoder", "contexts", "direction", "export", "graph", "prune", "train"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
