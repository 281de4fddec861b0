"""Evaluation: what a model can do in each language, and what an edit does to that."""

from typing import TYPE_CHECKING

from workbench.evaluation.cypher.evaluate import cypher  # a folder has its name, so it is bound here and not lazily
from workbench.lazy import lazily

_NAMES = {
    "Item": "workbench.text.tasks.task",
    "Task": "workbench.text.tasks.task",
    "accuracy": "workbench.evaluation.measure",
    "choose": "workbench.evaluation.picks",
    "load_task": "workbench.text.tasks.load",
}
__all__ = ["cypher", *_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, _ = lazily(__name__, _NAMES)


def __dir__() -> list[str]:
    """Complete the public names in an interactive session."""
    return sorted(__all__)


if TYPE_CHECKING:
    from workbench.evaluation.measure import accuracy  # noqa: F401
    from workbench.evaluation.picks import choose  # noqa: F401
    from workbench.text.tasks.load import load_task  # noqa: F401
    from workbench.text.tasks.task import Item, Task  # noqa: F401
