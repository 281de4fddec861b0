"""Steering: directions and subspaces of languages in the residual stream, and what adding or removing them does."""

from workbench.steering.curves.curve import curve
from workbench.steering.directions import directions
from workbench.steering.project import project
from workbench.steering.responses.score import score
from workbench.steering.steer import steer
from workbench.steering.subspace import subspace
from workbench.steering.vectors.random_control import random
from workbench.steering.vectors.scaled import scaled

__all__ = ["curve", "directions", "project", "random", "scaled", "score", "steer", "subspace"]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
