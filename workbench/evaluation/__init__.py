"""Evaluation: what a model can do in each language, and what an edit does to that."""

from workbench.evaluation.accuracy import accuracy
from workbench.evaluation.consistency import consistency
from workbench.evaluation.efficiency import efficiency
from workbench.evaluation.harness.read import from_lm_eval
from workbench.evaluation.harness.write import to_lm_eval
from workbench.evaluation.mixing.barriers import barriers
from workbench.evaluation.mixing.mixed import mixed
from workbench.evaluation.picks import choose
from workbench.evaluation.responses.confusion import confusion
from workbench.evaluation.responses.mitigation import mitigation
from workbench.evaluation.responses.respond import openings, respond
from workbench.evaluation.tables import compare, table
from workbench.evaluation.text2cypher.evaluate import cypher
from workbench.evaluation.tokenization import tokenization
from workbench.evaluation.under import under
from workbench.text.tasks.load import load_task
from workbench.text.tasks.task import Item, Task

__all__ = [
    "Item",
    "Task",
    "accuracy",
    "barriers",
    "choose",
    "compare",
    "confusion",
    "consistency",
    "cypher",
    "efficiency",
    "from_lm_eval",
    "load_task",
    "mitigation",
    "mixed",
    "openings",
    "respond",
    "table",
    "to_lm_eval",
    "tokenization",
    "under",
]


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)
