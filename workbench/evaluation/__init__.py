"""Evaluation: what a model can do in each language, and what an edit does to that."""

from workbench.evaluation.barriers.barriers import barriers
from workbench.evaluation.barriers.mixed import mixed
from workbench.evaluation.consistency import consistency
from workbench.evaluation.efficiency import efficiency
from workbench.evaluation.measure import accuracy
from workbench.evaluation.responses.confusion import confusion
from workbench.evaluation.responses.mitigation import mitigation
from workbench.evaluation.responses.respond import openings, respond
from workbench.evaluation.tokenization import tokenization

__all__ = [
    "accuracy",
    "barriers",
    "confusion",
    "consistency",
    "efficiency",
    "mitigation",
    "mixed",
    "openings",
    "respond",
    "tokenization",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
