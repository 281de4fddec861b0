"""Two models: merge their weights, put them back, and measure where they differ."""

from workbench.steering.project import project
from workbench.steering.subspace import subspace

__all__ = ["project", "subspace"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
