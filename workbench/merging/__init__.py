"""Two models: merge their weights, put them back, and measure where they differ."""

from workbench.merging.side_by_side import side_by_side

__all__ = ["side_by_side"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
