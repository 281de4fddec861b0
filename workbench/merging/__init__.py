"""Two models: merge their weights, put them back, and measure where they differ."""

from workbench.merging.checkpoint import Checkpoint
from workbench.merging.combine import combine
from workbench.merging.compare import compare
from workbench.merging.difference import difference
from workbench.merging.importance import importance
from workbench.merging.lens import lens
from workbench.merging.pair import Pair, pair
from workbench.merging.recipes.lens_training import LensTraining
from workbench.merging.recipes.maps import layer_map, mirrored, shuffled
from workbench.merging.revert import revert
from workbench.merging.side_by_side import side_by_side
from workbench.merging.swap import swap

__all__ = [
    "Checkpoint",
    "LensTraining",
    "Pair",
    "combine",
    "compare",
    "difference",
    "importance",
    "layer_map",
    "lens",
    "mirrored",
    "pair",
    "revert",
    "shuffled",
    "side_by_side",
    "swap",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
