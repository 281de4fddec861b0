"""Steering: directions and subspaces of languages in the residual stream, and what adding or removing them does."""

from workbench.steering.directions import directions
from workbench.steering.project import project
from workbench.steering.random_control import random
from workbench.steering.scaled import scaled
from workbench.steering.score import score
from workbench.steering.steer import steer
from workbench.steering.subspace import subspace

__all__ = ["directions", "project", "random", "scaled", "score", "steer", "subspace"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
