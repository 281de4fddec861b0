"""Circuits: transcoders, attribution graphs, what features say of languages, and when a circuit is accepted."""

from workbench.circuits.acceptance.accept import accept
from workbench.circuits.acceptance.parts import Parts
from workbench.circuits.features.contexts import contexts
from workbench.circuits.features.exact import exact
from workbench.circuits.features.firing import firing
from workbench.circuits.features.intervene import intervene
from workbench.circuits.features.knockout import knockout
from workbench.circuits.features.overlap import overlap
from workbench.circuits.features.profile import profile
from workbench.circuits.features.swap_language import swap_language
from workbench.circuits.graphs.export import export
from workbench.circuits.graphs.graph import graph
from workbench.circuits.graphs.prune import prune
from workbench.circuits.graphs.targets import Targets, direction
from workbench.circuits.layouts.load import load
from workbench.circuits.layouts.save import save
from workbench.circuits.transcoders.quality import quality
from workbench.circuits.transcoders.random_control import random
from workbench.circuits.transcoders.train import train
from workbench.circuits.transcoders.transcoder import Transcoder

__all__ = [
    "Parts",
    "Targets",
    "Transcoder",
    "accept",
    "contexts",
    "direction",
    "exact",
    "export",
    "firing",
    "graph",
    "intervene",
    "knockout",
    "load",
    "overlap",
    "profile",
    "prune",
    "quality",
    "random",
    "save",
    "swap_language",
    "train",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
