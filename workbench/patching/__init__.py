"""Activation patching: put activations of one run into another and measure the effect."""

from workbench.patching.attribution import attribution
from workbench.patching.circuits.circuit import circuit
from workbench.patching.circuits.overlap import overlap
from workbench.patching.concepts.concepts import concepts
from workbench.patching.concepts.onsets import onsets
from workbench.patching.cross_layer import cross_layer
from workbench.patching.cross_position import cross_position
from workbench.patching.edges.edges import edges
from workbench.patching.path import path
from workbench.patching.sweep import sweep

__all__ = [
    "attribution",
    "circuit",
    "concepts",
    "cross_layer",
    "cross_position",
    "edges",
    "onsets",
    "overlap",
    "path",
    "sweep",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
