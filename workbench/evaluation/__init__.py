"""Evaluation: what a model can do in each language, and what an edit does to that."""

from typing import TYPE_CHECKING

from workbench.evaluation.cypher.evaluate import cypher  # a folder has its name, so it is bound here and not lazily
from workbench.lazy import lazily

_NAMES = {
    "Item": "workbench.text.tasks.task",
    "Task": "workbench.text.tasks.task",
    "accuracy": "workbench.evaluation.measure",
    "choose": "workbench.evaluation.picks",
    "compare": "workbench.evaluation.tables",
    "from_lm_eval": "workbench.evaluation.harness.read",
    "load_task": "workbench.text.tasks.load",
    "table": "workbench.evaluation.tables",
    "to_lm_eval": "workbench.evaluation.harness.write",
    "under": "workbench.evaluation.edits",
}
__all__ = ["cypher", *_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, _ = lazily(__name__, _NAMES)


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)


if TYPE_CHECKING:
    from workbench.evaluation.edits import under  # noqa: F401
    from workbench.evaluation.harness.read import from_lm_eval  # noqa: F401
    from workbench.evaluation.harness.write import to_lm_eval  # noqa: F401
    from workbench.evaluation.measure import accuracy  # noqa: F401
    from workbench.evaluation.picks import choose  # noqa: F401
    from workbench.evaluation.tables import compare, table  # noqa: F401
    from workbench.text.tasks.load import load_task  # noqa: F401
    from workbench.text.tasks.task import Item, Task  # noqa: F401
