"""The study of tasks: what a model can do in each language, and what some groups of heads or neurons do for that."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import xarray as xr

from workbench import figures
from workbench.arguments import expect, one_of, shown
from workbench.errors import BadArgument, BadTask
from workbench.evaluation import accuracy, consistency, load_task, table, under
from workbench.evaluation.edit_measures import OfTask
from workbench.evaluation.generated.measure import check_options
from workbench.evaluation.scoring.formats import Format
from workbench.results.files import load_result
from workbench.results.hdf5.checksums import checksums
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.findings.evaluation import accuracy as findings
from workbench.studies.findings.evaluation import consistency as alike
from workbench.studies.findings.evaluation import edits
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.tasks.task import Task

_CONTROL = (
    "Beside each accuracy stand chance, what the label prior of the model's own picks earns, and the accuracy with the "
    "question left out."
)
_WRITTEN = "Beside each accuracy stands how many answers hold nothing to compare, and how many were cut."

_EDITED = "What does each language lose under an edit, beyond random edits of the same kind?"
_SHUFFLED = (
    "The picks of one language were shuffled among its right and among its wrong items: p is the share of shuffles "
    "whose agreement is as far from their mean, corrected over the pairs."
)


# Long: a parameter for each option of the command.
@analysis("evaluate", only_python=[name for name in OF_TEXTS if name != "truncate"])
def run_evaluate(
    model: Any,
    tasks: str | Sequence[str] | Mapping[str, Any],
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    tokens: int | None = None,
    groups: str | None = None,
    measure: OfTask = "accuracy",
    controls: int = 20,
    options: Options = DEFAULTS,
) -> Analysis:
    """Measure tasks by language, and write a report.

    Args:
        tasks: shipped tasks or files, one or more; or a dict of name -> what else `load_task` takes, such as rows.
        format: cloze, question or letters; see `wb.evaluation.accuracy`.
        normalize: see `wb.evaluation.choose`.
        shots: so many first items stand, solved, before each of the others.
        tokens: most tokens of an answer that is written; of the tasks of which answers are.
        groups: a saved Result with groups or a score of heads or neurons, which are switched off in turn, or with
            directions of languages, which are added in turn.
        measure: what is measured under these: accuracy, agreement or consistency; see `wb.evaluation.under`.
        controls: random groups for each group.

    Returns:
        The run folder, with a file for each task, `<task>_consistency.nc` where its items say the same in two
        languages or more, `tasks.nc` of several, with `groups` also `<task>_under.nc`, and `report.html`.

    Raises:
        BadTask: a task that cannot be read or measured.
        BadResult: `groups` is no such file, or of another model.
        BadArgument: a measure without groups.
    """
    refuse_chat(options, "a task")
    named = named_tasks(tasks)
    loaded_tasks = {name: load_task(source, languages=languages, limit=limit) for name, source in named.items()}
    members = None if groups is None else load_result(expect("groups", groups, str | Path))
    if one_of("measure", measure, get_args(OfTask)) != "accuracy" and groups is None:
        raise BadArgument(f"measure={measure!r} is measured under edits; give groups")
    how = {"format": format, "normalize": normalize, "shots": shots}
    if tokens is not None and all(task.kind == "choice" for task in loaded_tasks.values()):
        raise BadTask(f"tokens={tokens}: in none of these tasks is an answer written; leave it out")
    for task in loaded_tasks.values():
        check_options(task, format=format, normalize=normalize, tokens=None)
        if groups is not None and task.kind != "choice":
            raise BadTask(f"{task.name} is of kind {task.kind!r}; with groups, options are compared")
        if measure != "accuracy" and not _can_be_compared(task, shots=shots):
            raise BadTask(
                f"{task.name}: {measure} compares what is picked for the same item in two languages or more, each item "
                "with as many options in each and one right one"
            )
    loaded = open_model(model, options)
    cells = []
    for name, task in loaded_tasks.items():
        own = {"tokens": tokens} if task.kind == "generate" and tokens is not None else {}
        edit = {"measure": measure, "controls": controls}
        cells += _cells(loaded, name, task, how | own, members, edit, options)
    if len(loaded_tasks) > 1:
        key = {"method": "table", "cells": [cell.key for cell in cells]}
        cells.append(Cell("tasks", key, lambda results: table({name: results[name] for name in loaded_tasks})))
    return Analysis(
        title=f"What {loaded.name} can do in each language: {', '.join(loaded_tasks)}",
        question="In which languages does the model answer better than chance?" if groups is None else _EDITED,
        cells=cells,
        sections=lambda results: _sections(results, list(loaded_tasks)),
        main=tuple(name if groups is None else f"{name}_under" for name in loaded_tasks),
    )


def named_tasks(tasks: Any) -> dict[str, Any]:
    """Name in files -> source, of a task, several, or a dict of them.

    Raises:
        BadArgument: no task, one that has no name, or two of one name.
    """
    sources = tasks if isinstance(tasks, Mapping) else [tasks] if isinstance(tasks, str) else tasks
    if isinstance(sources, Mapping):
        named = {task_name(str(name)): source for name, source in sources.items()}
    elif isinstance(sources, Sequence) and all(isinstance(source, str) for source in sources):
        named = {task_name(source): source for source in sources}
    else:
        raise BadArgument(f"tasks={shown(tasks)}; give names or files, or a dict of name -> rows or Task")
    if not named or len(named) < len(sources):
        raise BadArgument(f"tasks={shown(tasks)}; give one or more, each with a name of its own")
    return named


def task_name(source: str) -> str:
    """A task's name in files: words, test, xcopa_it."""
    return re.sub(r"\W+", "_", Path(source.removeprefix("lm_eval:")).name).strip("_") or "task"


# Long: the options are those of the study.
def _cells(
    model: Any,
    name: str,
    task: Task,
    how: dict[str, Any],
    members: xr.Dataset | None,
    edit: dict[str, Any],
    options: Options,
) -> list[Cell]:
    key = {**common_key(model, options), "task": task.info, **how}
    run = {**how, **options.texts}
    cells = [Cell(name, {**key, "method": "accuracy"}, lambda _: accuracy(model, task, **run))]
    if _can_be_compared(task, shots=how["shots"]):
        compare = lambda results: consistency(results[name], seed=options.seed)  # noqa: E731
        cells.append(Cell(f"{name}_consistency", {**key, "method": "consistency"}, compare, []))
    if members is not None:
        compute = lambda _: under(model, task, members, **edit, **run)  # noqa: E731
        edited = {**key, "method": "under", "groups": checksums(members), **edit}
        cells.append(Cell(f"{name}_under", edited, compute))
    return cells


def _can_be_compared(task: Task, *, shots: int) -> bool:
    """Whether picks for the same item can be compared between languages: see `wb.evaluation.consistency`."""
    numbers = ({len(rows[item]) for rows in task.options.values()} for item in range(len(task)))
    alike = all(len(counts) == 1 for counts in numbers) and all(len(gold) == 1 for gold in task.gold)
    return task.kind == "choice" and task.aligned and len(task.languages) > 1 and len(task) - shots > 1 and alike


def _sections(results: Results, names: list[str]) -> list[Section]:
    sections = []
    if "tasks" in results:
        both = results["tasks"]
        question = "In which tasks and languages is the model above chance?"
        sections.append(
            section(
                "tasks",
                both,
                drawing(figures.heatmap, both, "above", question=question),
                reading="Points of accuracy above chance; 0 is a random pick. Grey: the task lacks the language.",
                finding=findings.tasks(both),
                control=_CONTROL,
            )
        )
    for name in names:
        sections.append(_accuracy_section(results[name], name))
        if f"{name}_consistency" in results:
            sections += _consistency_sections(results[f"{name}_consistency"], results[name], name)
        if f"{name}_under" in results:
            sections.append(_under_section(results[f"{name}_under"], name, results.get(f"{name}_consistency")))
    return sections


def _accuracy_section(result: xr.Dataset, name: str) -> Section:
    written = result.attrs.get("item_kind") == "generate"
    share = "whose written answer is right" if written else "whose right option has the highest probability"
    chance = "" if written else f" Chance is {float(result.chance.mean()):.3g} on average."
    return section(
        name,
        result,
        drawing(figures.bars, result, "accuracy", question=f"{name}: in which languages are the answers right?"),
        reading=f"The share of items {share}; whiskers are 95 % intervals (Wilson).{chance}",
        finding=findings.accuracy(result),
        control=_WRITTEN if written else _CONTROL,
        table=findings.accuracy_table(result),
    )


def _consistency_sections(result: xr.Dataset, answers: xr.Dataset, name: str) -> list[Section]:
    cell = f"{name}_consistency"
    alike_question = f"{name}: does the model pick the same option for the same item in two languages?"
    beyond_question = f"{name}: do picks agree across languages beyond what the accuracies imply?"
    return [
        section(
            cell,
            result,
            drawing(figures.matrix, result, "agreement", question=alike_question),
            reading="The share of items with the same option picked in both languages, right or wrong. Grey: a "
            "language with itself.",
            finding=alike.agreement(result, answers),
            control="This agreement has no control; the next section compares it with what the accuracies imply.",
        ),
        section(
            cell,
            result,
            drawing(figures.matrix, result, "excess", question=beyond_question),
            reading="The agreement less that of independent picks of the same two accuracies: 0 is what accuracy alone "
            "gives. The table has the pairs of largest excess with their intervals over items.",
            finding=alike.excess(result),
            control=_SHUFFLED,
            table=alike.pairs_table(result),
        ),
    ]


def _under_section(result: xr.Dataset, name: str, plain: xr.Dataset | None) -> Section:
    noun = edits.measured(result)
    if result.attrs.get("unit") == "direction":
        question = "what does each language lose with a direction added?"
        change = "with each direction added, beyond random directions of the same lengths in the same layers"
    else:
        question = "what does each language lose without a group?"
        units = f"{result.attrs.get('unit', 'unit')}s"
        change = f"without each group of {units}, beyond random groups of as many in the same layers"
    return section(
        f"{name}_under",
        result,
        drawing(figures.matrix, result, "excess", question=f"{name}: {question}"),
        reading=f"Points of {noun} {change}; below 0 the change is below theirs, which is a loss only where "
        "the change itself is. The table has the change and what is beyond theirs, each with its interval.",
        finding=edits.under(result, plain),
        table=edits.effects_table(result),
    )
