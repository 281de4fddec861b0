"""The atlas: what is known of the languages inside open models, as results that travel without the weights."""

from workbench.atlas.across.claims import claims
from workbench.atlas.across.curves import depth_curves
from workbench.atlas.across.sentences import sentences
from workbench.atlas.add import add
from workbench.atlas.check import check
from workbench.atlas.entry import Entry
from workbench.atlas.explore import explorer
from workbench.atlas.store import entry, load, models, results
from workbench.atlas.tables import contents, overview

__all__ = [
    "Entry",
    "add",
    "check",
    "claims",
    "contents",
    "depth_curves",
    "entry",
    "explorer",
    "load",
    "models",
    "overview",
    "results",
    "sentences",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
