"""Circuits: transcoders, attribution graphs, what features say of languages, and when a circuit is accepted."""

from workbench.circuits.acceptance.accept import accept
from workbench.circuits.acceptance.parts import Parts
from workbench.circuits.transcoders.transcoder import Transcoder

__all__ = ["Parts", "Transcoder", "accept"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
