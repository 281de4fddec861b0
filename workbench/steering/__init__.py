"""Steering: directions and subspaces of languages in the residual stream, and what adding or removing them does."""

__all__: list[str] = []


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
