"""Planted models: small transformers with a known ground truth, and a score of how well a method finds it."""

from workbench.planted.concepts import concepts
from workbench.planted.heads import heads
from workbench.planted.neurons import neurons
from workbench.planted.planted import Planted
from workbench.planted.score import score

__all__ = ["Planted", "concepts", "heads", "neurons", "score"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
