"""Write a task so that lm-eval runs it: the texts that the model reads are the same, to the last space."""

import json
import re
from pathlib import Path

from workbench.arguments import checked
from workbench.errors import BadTask, CannotWrite
from workbench.evaluation.scoring.formats import Format, formatted
from workbench.results.files import write_whole
from workbench.text.tasks.task import Task

_METRICS = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info")


@checked
def to_lm_eval(
    task: Task, folder: str | Path, *, format: Format = "cloze", shots: int = 0, unconditional: bool = False
) -> list[str]:
    """Write a task as one of lm-eval for each language: a JSONL of texts and a YAML.

    Contexts are written as the model reads them, shots included, so lm-eval runs them with 0 shots.

    Args:
        task: of kind choice, with one context for all options of an item.
        folder: for the files; created if it is not there.
        format: as of `accuracy`.
        shots: as of `accuracy`.
        unconditional: measure acc_mutual_info too, which doubles lm-eval's work.

    Returns:
        The names of the tasks, for `lm_eval run --include_path FOLDER --tasks NAMES`.

    Raises:
        BadTask: a generated task, or a context for each option.
        CannotWrite: what the system said.

    Example:
        >>> names = wb.evaluation.to_lm_eval(wb.load_task("words", languages="de"), "harness")   # doctest: +SKIP
    """
    if task.kind != "choice":
        raise BadTask(f"{task.name} is of kind {task.kind!r}; only tasks of kind 'choice' can be written")
    shaped = formatted(task, format, shots)
    place = Path(folder).absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot make the folder {folder}: {error.strerror or error}") from error
    stem = re.sub(r"[^a-z0-9]+", "_", Path(task.name).name.lower()).strip("_") or "task"
    names = []
    for language in shaped.languages:
        name = f"{stem}_{format}_{language}"
        rows = shaped.present(language)
        contexts = {row: _context(shaped, language, row) for row in rows}
        separators = {row: shaped.separator(language, context) for row, context in contexts.items()}
        distinct = set(separators.values())
        delimiter = distinct.pop() if len(distinct) == 1 else ""
        if distinct:  # lm-eval has one delimiter, and moves white space that ends a context to the continuation
            if unconditional:
                raise BadTask(
                    f"{task.name}, {language}: some contexts end in an opening quotation mark and some do not; lm-eval "
                    "measures unconditional scores with one delimiter for all"
                )
            contexts = {row: context + separators[row] for row, context in contexts.items()}
        lines = [_line(shaped, language, row, context) for row, context in contexts.items()]
        data = write_whole(place / f"{name}.jsonl", "\n".join(lines) + "\n")
        metrics = [metric for metric in _METRICS if unconditional or metric != "acc_mutual_info"]
        write_whole(place / f"{name}.yaml", _yaml(name, data, delimiter, metrics))
        names.append(name)
    return names


def _context(task: Task, language: str, row: int) -> str:
    context = task.context[language][row]
    if not isinstance(context, str):
        raise BadTask(
            f"{task.name}, {language}, item {task.ids[row]!r} has a context for each option; lm-eval's own "
            "tasks of that kind have no counterpart here"
        )
    return context


def _line(task: Task, language: str, row: int, context: str) -> str:
    gold = sorted(task.gold[row])
    content = {
        "id": task.ids[row],
        "context": context,
        "options": list(task.options[language][row]),
        "gold": gold[0] if len(gold) == 1 else gold,
    }
    return json.dumps(content, ensure_ascii=False)


def _yaml(name: str, data: Path, delimiter: str, metrics: list[str]) -> str:
    """The YAML of a task; texts are fields of the row, not templates, so that no brace in them is read as one."""
    lines = [
        f"task: {json.dumps(name)}",
        "dataset_path: json",
        "dataset_kwargs:",
        "  data_files:",
        f"    test: {json.dumps(str(data))}",
        "test_split: test",
        "output_type: multiple_choice",
        "doc_to_text: context",
        "doc_to_choice: options",
        "doc_to_target: gold",
        f"target_delimiter: {json.dumps(delimiter)}",
        "metric_list:",
    ]
    for metric in metrics:
        lines += [f"  - metric: {metric}", "    aggregation: mean", "    higher_is_better: true"]
    return "\n".join([*lines, "metadata:", "  version: 1.0"]) + "\n"
