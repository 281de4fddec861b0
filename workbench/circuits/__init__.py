"""Circuits: transcoders, attribution graphs, what features say of languages, and when a circuit is accepted."""

from workbench.circuits.layouts.load import load
from workbench.circuits.layouts.save import save
from workbench.circuits.transcoders.quality import quality
from workbench.circuits.transcoders.random_control import random
from workbench.circuits.transcoders.train import train
from workbench.circuits.transcoders.transcoder import Transcoder

__all__ = ["Transcoder", "load", "quality", "random", "save", "train"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
