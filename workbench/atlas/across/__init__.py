"""Across models: curves over relative depth, and claims of papers with a verdict for each model."""

from workbench.atlas.across.claims import claims
from workbench.atlas.across.curves import depth_curves
from workbench.atlas.across.sentences import sentences

__all__ = ["claims", "depth_curves", "sentences"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
