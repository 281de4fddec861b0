"""Importance of groups of tensors: what an expert can no longer do when a group is put back to the base's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from einops import rearrange
from tqdm.auto import tqdm

from workbench.arguments import checked, one_of
from workbench.errors import BadArgument
from workbench.evaluation.edit_measures import of_task
from workbench.evaluation.picks import NORMALIZE
from workbench.evaluation.scoring.formats import Format
from workbench.merging.diffing.heads import spearman
from workbench.merging.diffing.put_back import places_of, put_back, require_same_parameters
from workbench.merging.groups import Group, chosen
from workbench.model.batching import texts_per_batch
from workbench.model.model import Model
from workbench.results.bootstrap import ends_of_known_draws, weights
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.resuming.progress import resumed
from workbench.text.tasks.task import Task

_DRAWS = 1000
_CELLS = ("group", "task")
_WHOLE = "whole"  # the part that is all parameters


# Long: the options are those of the scoring.
@checked
def importance(
    expert: Model,
    base: Model,
    tasks: Mapping[str, Task],
    groups: Mapping[str, Sequence[Group]] | Sequence[Group] | None = None,
    *,
    ceiling: Model | None = None,
    floor: Model | None = None,
    format: Format = "cloze",
    normalize: str = "none",
    shots: int = 0,
    level: float = 0.95,
    progress: bool = True,
    batch_size: int | str = "auto",
    seed: int = 0,
    truncate: bool = False,
) -> xr.Dataset:
    """Put each group of tensors of an expert back to the base's and measure what is lost of each task.

    The expert's parameters are replaced in memory and are its own again afterwards, whatever happens; both models are
    in memory.

    Args:
        expert: a tuned model.
        base: the model that it was tuned from.
        tasks: name to a Task of kind choice, such as one for the task and one for the language.
        groups: layers, groups in all layers ("q", "norm", "ends"), or a group of a layer, (3, "q"); or a name to
            several of them. Each layer, and the ends, when None.
        ceiling: a second expert, trained as the first with another seed: how alike two profiles can be.
        floor: an expert tuned on shuffled data: how alike they are without what was learned.
        format: as in `wb.evaluation.accuracy`.
        normalize: see `wb.evaluation.choose`.
        shots: so many first items stand, solved, before each of the others.

    Returns:
        `loss[group, task]`, accuracy of the expert minus that with the group put back, in percentage points, a mean
        over languages; `low`, `high`, its interval over paired items, of which an aligned one is drawn with all its
        languages. `accuracy[task]` of the expert and `whole[task]`, what is lost when all is put back.
        `correlation[task, other_task]`, the rank correlation over groups of the losses of two tasks, with its interval
        over items; NaN where all losses of a task are equal. With `ceiling` or `floor`, their `ceiling_loss` and
        `ceiling_correlation[task]`, that of the expert's losses with theirs.

    Raises:
        BadArgument: no task, models of other shapes, fewer than two groups, a group that they do not have, or one named
            "whole".
        BadTask: a task that is generated, or unfit for `format`.

    Source:
        Ours. That parameters that matter for a task and for languages are "distinctly non-overlapping" is a claim of
        arXiv 2505.18356, whose procedure is not published.

    Example:
        >>> wb.merging.importance(expert, base, {"task": cypher, "language": words}).loss         # doctest: +SKIP
    """
    one_of("normalize", normalize, NORMALIZE)
    if not tasks:
        raise BadArgument("tasks={}; give a name and a Task of one or more")
    experts = {"": expert, "ceiling": ceiling, "floor": floor}
    models = {role: model for role, model in experts.items() if model is not None}
    for model in models.values():
        require_same_parameters(model, base)
    named = _named(expert, groups)
    size = texts_per_batch(batch_size)
    scoring: dict[str, Any] = {"format": format, "normalize": normalize, "shots": shots, "truncate": truncate}
    parts = {**named, _WHOLE: set(places_of(expert))}
    read = {role: _all_hits(model, base, tasks, parts, scoring, size, role, progress) for role, model in models.items()}
    draws = _draws(tasks, seed)
    losses = {
        role: [_losses(hits, drawn) for hits, drawn in zip(each, draws, strict=True)] for role, each in read.items()
    }
    accuracies = [100 * float(np.nanmean(hits[0], 1).mean()) for hits in read[""]]
    variables = _variables(losses, accuracies, level)
    result = make_result(
        variables,
        {"group": list(named), "task": list(tasks), "other_task": list(tasks)},
        method="merging.importance",
        owners={"loss": ["low", "high"]},
        parameters={
            **scoring,
            "level": level,
            "batch_size": size,
            "base": base.info,
            **{role: model.info for role, model in models.items() if role},
            "tasks": {name: task.info for name, task in tasks.items()},
        },
        model=expert.info,
        seed=seed,
    )
    result.group.attrs["long_name"] = "group that is put back"
    return result


def _named(expert: Model, groups: Mapping[str, Sequence[Group]] | Sequence[Group] | None) -> dict[str, set[str]]:
    """Name of each group to the parameters in it.

    Raises:
        BadArgument: fewer than two groups, a group that the model does not have, or a name that is taken.
    """
    places = places_of(expert)
    if groups is None:
        groups = [*range(expert.n_layers), "ends"]
    if not isinstance(groups, Mapping):
        groups = {_label(group): [group] for group in groups}
    if len(groups) < 2:
        raise BadArgument(f"groups={list(groups)}; give two or more, which are compared")
    if _WHOLE in groups:
        raise BadArgument(
            f"groups: {_WHOLE!r} is all parameters, which are put back anyway; give the group another name"
        )
    return {str(name): chosen(places, list(parts), expert.name) for name, parts in groups.items()}


def _label(group: Group) -> str:
    if isinstance(group, int):
        return f"layer {group}"
    return f"layer {group[0]} {group[1]}" if isinstance(group, tuple | list) else group


# Long: all of them are what one pass over the tasks needs.
def _all_hits(
    model: Model,
    base: Model,
    tasks: Mapping[str, Task],
    parts: Mapping[str, set[str]],
    scoring: Mapping[str, Any],
    size: int,
    role: str,
    progress: bool,
) -> list[np.ndarray]:
    """For each task 1 where an answer is right, [case, language, item]: as tuned, then with each part put back."""
    read = [of_task(model, task, "accuracy", **scoring, size=size) for task in tasks.values()]
    shapes = [
        (1 + len(parts), len(task.languages), len(measure.items))
        for task, measure in zip(tasks.values(), read, strict=True)
    ]
    hits = [np.full(shape, np.nan) for shape in shapes]
    cases: list[tuple[str, set[str]]] = [("as tuned", set()), *parts.items()]
    state = {f"hits {number}": table for number, table in enumerate(hits)}
    bar = tqdm(total=len(cases), desc=f"putting back {role}".strip(), unit="group", disable=not progress)
    with bar:
        for case in resumed(range(len(cases)), state, skip=lambda _: bar.update()):
            with put_back(model, base, cases[case][1]):
                for table, measure in zip(hits, read, strict=True):
                    table[case] = measure.read()[0]
            bar.update()
    return hits


def _draws(tasks: Mapping[str, Task], seed: int) -> list[list[np.ndarray]]:
    """Weights of the items in each draw, [draw, item], for each task and language; items of one id are drawn alike."""
    draws: list[list[np.ndarray]] = []
    ids = [task.ids for task in tasks.values()]
    for task in tasks.values():
        place = ids.index(task.ids)
        own = [0] * len(task.languages) if task.aligned else range(len(task.languages))
        draws.append([weights(len(task.ids), _DRAWS, [seed, place, k]) for k in own])
    return draws


def _losses(hits: np.ndarray, draws: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Loss of each part in points, [part], and in each draw, [draw, part], from hits [case, language, item]."""
    lost, drawn = [], []
    for language, weight in zip(range(hits.shape[1]), draws, strict=True):
        own = hits[:, language]
        there = ~np.isnan(own[0])
        gap = 100 * (own[:1] - own[1:])[:, there]
        lost.append(gap.mean(1))
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw without any item of a language has no mean
            drawn.append((weight[:, there] @ gap.T) / weight[:, there].sum(1, keepdims=True))
    return np.mean(lost, 0), np.mean(drawn, 0)


def _variables(
    losses: Mapping[str, list[tuple[np.ndarray, np.ndarray]]], accuracies: list[float], level: float
) -> Variables:
    """The variables of the Result; the last part of each loss is the whole model."""
    mean = {role: np.stack([lost for lost, _ in each], 1) for role, each in losses.items()}  # [part, task]
    drawn = {role: np.stack([draws for _, draws in each], 2) for role, each in losses.items()}  # [draw, part, task]
    bounds = ends_of_known_draws(drawn[""], level)
    variables: Variables = {
        "loss": (_CELLS, mean[""][:-1], "accuracy that is lost when the group is put back [points]"),
        **interval_ends(_CELLS, bounds[:, :-1], "it over items [points]", level=level),
        "accuracy": (("task",), np.array(accuracies), "accuracy of the expert, mean over languages [points]"),
        "whole": (("task",), mean[""][-1], "accuracy that is lost when all is put back [points]"),
        **interval_ends(("task",), bounds[:, -1], "it over items [points]", level=level, name="whole"),
    }
    axes = ("task", "other_task")
    count = mean[""].shape[1]
    pairs = [
        _correlated((mean[""], drawn[""], a), (mean[""], drawn[""], b), level)
        for a in range(count)
        for b in range(count)
    ]
    table = rearrange(np.array(pairs), "(task other) number -> number task other", task=count)
    variables["correlation"] = (axes, table[0], "rank correlation of the losses of two tasks over groups")
    variables |= interval_ends(axes, table[1:], "it over items", level=level, name="correlation")
    for role in (role for role in losses if role):
        words = {"ceiling": "another seed", "floor": "shuffled data"}[role]
        own = np.array(
            [_correlated((mean[""], drawn[""], a), (mean[role], drawn[role], a), level) for a in range(count)]
        ).T
        variables[f"{role}_loss"] = (_CELLS, mean[role][:-1], f"the same of the expert of {words} [points]")
        text = f"rank correlation of the losses with those of the expert of {words}"
        variables[f"{role}_correlation"] = (("task",), own[0], text)
        variables |= interval_ends(("task",), own[1:], "it over items", level=level, name=f"{role}_correlation")
    return variables


_Profile = tuple[np.ndarray, np.ndarray, int]  # means [part, task], draws [draw, part, task], and which task


def _correlated(first: _Profile, second: _Profile, level: float) -> tuple[float, float, float]:
    """Rank correlation of two profiles over groups, and the ends of its interval; NaN where one is flat."""
    value = spearman(*(mean[None, :-1, task] for mean, _, task in (first, second)))[0]
    drawn = spearman(*(draws[:, :-1, task] for _, draws, task in (first, second)))
    low, high = ends_of_known_draws(drawn, level) if np.isfinite(value) else (np.nan, np.nan)
    return float(value), float(low), float(high)
