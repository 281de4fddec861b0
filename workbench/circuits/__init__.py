"""Circuits: transcoders, attribution graphs, what features say of languages, and when a circuit is accepted."""

from workbench.circuits.features.contexts import contexts
from workbench.circuits.transcoders.train import train
from workbench.circuits.transcoders.transcoder import Transcoder

__all__ = ["Transcoder", "contexts", "train"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
