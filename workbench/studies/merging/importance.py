"""The study of an expert's groups of tensors: what is lost of each task when they are put back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import figures
from workbench.arguments import expect, one_of
from workbench.errors import BadArgument, BadTask
from workbench.evaluation import load_task
from workbench.evaluation.picks import NORMALIZE
from workbench.evaluation.scoring.formats import Format
from workbench.merging.groups import read_groups
from workbench.merging.importance import importance
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, Results, analysis
from workbench.studies.evaluation.evaluate import named_tasks
from workbench.studies.findings.merging import importance as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, refuse_chat
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.tasks.task import Task

_CELL = "importance"
_LAYERS = "layers"


# Long: a parameter for each option of the command.
@analysis("merge importance", only_python=[name for name in OF_TEXTS if name != "truncate"])
def run_merge_importance(
    expert: Any,
    base: Any,
    *,
    out: str | Path,
    task: Any = "words",
    groups: str = _LAYERS,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    ceiling: Any = None,
    floor: Any = None,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    options: Options = DEFAULTS,
) -> Analysis:
    """Put each group of an expert's tensors back, measure what is lost of each task, and write a report.

    Args:
        expert: what `load_model` takes, or a Model: a tuned one.
        base: the same, of the model before tuning.
        task: shipped tasks or files, with commas or a list; or a dict of name -> what else `load_task` takes.
        groups: "layers" for each layer and the ends; or groups, layers, or groups of a layer, as in "q,down,3,3:q".
        ceiling: a second expert, trained as the first with another seed.
        floor: an expert tuned on shuffled data.
        format: cloze, question or letters; see `wb.evaluation.accuracy`.
        normalize: see `wb.evaluation.choose`.
        shots: so many first items stand, solved, before each of the others.

    Returns:
        The run folder, with `importance.nc` and `report.html`.

    Raises:
        BadTask: a task cannot be read or measured, or its answers are written.
        BadArgument: models of other shapes, fewer than two groups, or a group that they do not have.
    """
    refuse_chat(options, "a task")
    one_of("normalize", normalize, NORMALIZE)
    parts = None if expect("groups", groups, str) == _LAYERS else read_groups(groups)
    if parts is not None and len(set(parts)) < 2:
        raise BadArgument(f"groups={groups!r}; give layers, or two or more groups with commas, which are compared")
    tasks = _tasks(task, languages, limit, shots)
    given = {"expert": expert, "base": base, "ceiling": ceiling, "floor": floor}
    models = {role: open_model(model, options) for role, model in given.items() if model is not None}
    how = {"format": format, "normalize": normalize, "shots": shots}
    key = {role: common_key(model, options) for role, model in models.items()}
    key |= {**how, "groups": groups, "tasks": {name: each.info for name, each in tasks.items()}}
    return Analysis(
        title=f"What {models['expert'].name} loses without parts of its tuning: {', '.join(tasks)}",
        question="Which part of the tuning does each task need?",
        cells=[
            Cell(
                _CELL,
                {**key, "method": "merging.importance"},
                lambda _: importance(tasks=tasks, groups=parts, **models, **how, **options.texts),
            )
        ],
        sections=_sections,
        main=(_CELL,),
    )


def _tasks(given: Any, languages: Any, limit: int | None, shots: int) -> dict[str, Task]:
    """Tasks by their names in files.

    Raises:
        BadTask: one cannot be read, has too few items for the shots, or its answers are written.
    """
    several = [part.strip() for part in given.split(",")] if isinstance(given, str) else given
    tasks = {name: load_task(source, languages=languages, limit=limit) for name, source in named_tasks(several).items()}
    for task in tasks.values():
        if task.kind != "choice":
            raise BadTask(f"{task.name} is of kind {task.kind!r}; what is lost is measured by comparing options")
        task.without_first(shots)
    return tasks


def _sections(results: Results) -> list[Section]:
    made = results[_CELL]
    return [
        section(
            _CELL,
            made,
            drawing(
                figures.matrix, made, "loss", question="What is lost of each task when a part of the tuning is undone?"
            ),
            reading="Points of accuracy, a mean over languages, that the expert has and loses with the weights of a "
            "group put back to those before tuning: 0 is no loss, below 0 it answers better. The table has intervals.",
            finding=findings.losses(made),
            control="Each loss is over the same items, with an interval over them (bootstrap). An expert trained with "
            "another seed (ceiling) and one tuned on shuffled data (floor) say how alike losses of two tunings are.",
            table=findings.importance_table(made),
        )
    ]
