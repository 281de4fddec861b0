"""Tasks of lm-eval: its own task object makes context, options and gold, so no template is retyped."""

import os
from collections.abc import Sequence
from typing import Any

from workbench.errors import BadTask, MissingExtra
from workbench.text.display.naming import quoted, shortened
from workbench.text.formats.names import language_at_end
from workbench.text.languages import check, known, language_list
from workbench.text.tasks.task import Item, Task, joined

_CHOICE = "multiple_choice"


def harness_task(names: str, *, languages: str | Sequence[str] | None = None, limit: int | None = None) -> Task:
    """One or more of lm-eval's tasks, one for each language, as a Task.

    Args:
        names: with commas; each a name, or a folder with YAML files, a slash and a name.
        languages: of the tasks, in this order; by default the code at the end of each name.
        limit: first items.

    Raises:
        MissingExtra: lm-eval is not installed.
        BadTask: no such task, another output type than multiple choice, or no language.
    """
    manager = _manager()
    given = names.split(",")
    codes = language_list(languages) if languages is not None else list(map(language_at_end, given))
    if len(codes) != len(given):
        raise BadTask(f"{len(given)} tasks of lm-eval and {len(codes)} languages; give one for each")
    items: dict[str, list[Item]] = {}
    delimiters: dict[str, str] = {}
    for name, code in zip(given, codes, strict=True):
        if code is None or not known(code):
            raise BadTask(f"lm-eval's task {name!r} does not end in a language; name it with languages=")
        folder, _, short = name.rpartition("/")
        try:
            (task,) = manager(include_path=folder or None).load(short)["tasks"].values()
        except Exception as error:  # lm-eval raises whatever its loaders raise
            raise BadTask(f"lm-eval cannot build {name!r}: {type(error).__name__}: {str(error)[:160]}") from error
        language = check(code)
        if language in items:
            raise BadTask(f"two of lm-eval's tasks are in {language!r}, {name!r} and another one; give one for each")
        items[language] = _items(task, name, limit)
        delimiters[language] = str(task.config.target_delimiter)
    return joined(items, f"lm_eval:{names}", delimiter=delimiters)


def _manager() -> Any:
    """The class that finds lm-eval's tasks."""
    os.environ.setdefault("HF_DATASETS_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))
    try:
        from lm_eval.tasks import TaskManager  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra("lm-eval is not installed; pip install 'babel-workbench[lm-eval]'") from error
    return TaskManager


def _items(task: Any, name: str, limit: int | None) -> list[Item]:
    if getattr(task, "OUTPUT_TYPE", None) != _CHOICE:
        raise BadTask(f"lm-eval's {name!r} is of type {getattr(task, 'OUTPUT_TYPE', None)}; only {_CHOICE} can be read")
    task.build_all_requests(limit=limit, rank=0, world_size=1)
    requests: dict[int, list[Any]] = {}
    for request in task.instances:
        requests.setdefault(int(request.doc_id), []).append(request)
    items = []
    for number, own in sorted(requests.items()):
        doc = own[0].doc
        pairs = [request.args for request in own if request.args[0]] or [request.args for request in own]
        choices = list(task.doc_to_choice(doc))
        count = len(choices)
        contexts = tuple(str(context) for context, _ in pairs[:count])
        delimiter = str(task.config.target_delimiter)
        options = tuple(str(text).removeprefix(delimiter) for _, text in pairs[:count])
        gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
        golds = frozenset(_place(each, choices, name) for each in (gold if isinstance(gold, list) else [gold]))
        context = contexts[0] if len(set(contexts)) == 1 else contexts
        items.append(
            Item(str(doc.get("id", number)) if isinstance(doc, dict) else str(number), context, options, golds)
        )
    return items


def _place(gold: Any, choices: list[Any], name: str) -> int:
    """The place of a gold that is a place or, as some of lm-eval's tasks have it, the text of a choice."""
    if isinstance(gold, str):
        if gold not in choices:
            raise BadTask(f"lm-eval's {name!r}: the gold {quoted(gold)} is none of the choices {shortened(choices)}")
        return choices.index(gold)
    return int(gold)
