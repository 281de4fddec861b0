"""Activation patching: put activations of one run into another and read what comes out."""

from workbench.patching.cross_layer import cross_layer
from workbench.patching.sweep import sweep

__all__ = ["cross_layer", "sweep"]
