"""Two models: merge their weights, put them back, and measure where they differ."""

__all__: list[str] = []


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
