"""Evaluation: what a model can do in each language, and what an edit does to that."""

from typing import TYPE_CHECKING

from workbench.lazy import lazily

_NAMES = {
    "Item": "workbench.text.tasks.task",
    "Task": "workbench.text.tasks.task",
    "accuracy": "workbench.evaluation.measure",
    "choose": "workbench.evaluation.picks",
    "load_task": "workbench.text.tasks.load",
}
__all__ = [*_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = lazily(__name__, _NAMES)

if TYPE_CHECKING:
    from workbench.evaluation.measure import accuracy  # noqa: F401
    from workbench.evaluation.picks import choose  # noqa: F401
    from workbench.text.tasks.load import load_task  # noqa: F401
    from workbench.text.tasks.task import Item, Task  # noqa: F401
