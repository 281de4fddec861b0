"""Two models: merge their weights, put them back, and measure where they differ."""

from workbench.merging.checkpoint import Checkpoint
from workbench.merging.pair import Pair, pair

__all__ = ["Checkpoint", "Pair", "pair"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
