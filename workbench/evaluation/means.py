"""Means of a table: over tasks and languages, each counting once, and beside them over all items."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from workbench.results.bootstrap import ends_of_known_draws, weights
from workbench.results.make import Variables, provenance
from workbench.results.statistics import mean_of_known

_NLI = re.compile(r"(?<![A-Za-z])([MSX]NLI(?![a-z])|[msx]nli(?![A-Za-z]))")
_RESAMPLES = 1000


def families(results: Mapping[str, xr.Dataset]) -> list[list[int]]:
    """Places of the tasks that are one task in any mean: MNLI, SNLI and XNLI ask the same of the same kind of pair.

    They are told by the name in the table, or by the task's own.
    """
    same = [bool(_NLI.search(f"{name} {_source(result)}")) for name, result in results.items()]
    joined = [place for place, nli in enumerate(same) if nli]
    return [joined if place in joined else [place] for place in range(len(same)) if place not in joined[1:]]


def _source(result: xr.Dataset) -> str:
    return str((provenance(result).get("corpus") or {}).get("source", ""))


def over(values: np.ndarray, groups: Sequence[list[int]]) -> np.ndarray:
    """Mean over tasks, the first axis, of which those of a group count as one.

    NaN where one is missing, since means over other tasks do not compare.
    """
    return np.stack([values[own].mean(0) for own in groups]).mean(0)


def table_means(
    results: Mapping[str, xr.Dataset],
    values: Mapping[str, np.ndarray],
    headroom: np.ndarray,
    languages: list[str],
    *,
    level: float,
    seed: int,
) -> Variables:
    """The variables of a table's means.

    Args:
        results: of the tasks.
        values: name to [task, language], of `accuracy` and `items`.
        headroom: [task, language].
        languages: of the table.
        level: of the intervals.
        seed: of the draws.
    """
    groups = families(results)
    mean = over(values["accuracy"], groups)
    low, high, whole_low, whole_high = _ends(results, groups, languages, level, seed)
    complete = ~np.isnan(mean)
    items = np.nan_to_num(values["items"])
    hits = np.nan_to_num(values["accuracy"]) * items
    headrooms = over(headroom, groups)
    ends = f"end of the {level:.0%} interval, over items, of"
    of_items = np.where(complete, _share(hits.sum(0), items.sum(0)), np.nan)
    by_language, by_task = ("language",), ("task",)
    whole = "mean over tasks and over the languages that have all"
    return {
        "mean_accuracy": (by_language, mean, "accuracy, mean over tasks"),
        "mean_accuracy_low": (by_language, low, f"lower {ends} mean_accuracy"),
        "mean_accuracy_high": (by_language, high, f"upper {ends} mean_accuracy"),
        "mean_accuracy_of_items": (by_language, of_items, "accuracy over the items of all tasks"),
        "mean_headroom": (by_language, headrooms, "headroom, mean over tasks"),
        "task_accuracy": (by_task, mean_of_known(values["accuracy"], 1), "accuracy, mean over languages"),
        "task_accuracy_low": (by_task, _attribute(results, "mean_low"), f"lower {ends} task_accuracy"),
        "task_accuracy_high": (by_task, _attribute(results, "mean_high"), f"upper {ends} task_accuracy"),
        "task_accuracy_of_items": (
            by_task,
            _share(hits.sum(1), items.sum(1)),
            "accuracy over the items of all languages",
        ),
        "overall_accuracy": ((), mean_of_known(mean[complete], 0), f"accuracy, {whole}"),
        "overall_accuracy_low": ((), whole_low, f"lower {ends} overall_accuracy"),
        "overall_accuracy_high": ((), whole_high, f"upper {ends} overall_accuracy"),
        "overall_accuracy_of_items": (
            (),
            _share(hits[:, complete].sum(), items[:, complete].sum()),
            "accuracy over all items of the languages that have all tasks",
        ),
        "overall_headroom": ((), mean_of_known(headrooms[complete], 0), f"headroom, {whole}"),
    }


def _ends(
    results: Mapping[str, xr.Dataset], groups: list[list[int]], languages: list[str], level: float, seed: int
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Ends of the intervals of the means over tasks, [language], and of the mean over all.

    The items of each task are drawn, each with all its languages.
    """
    draws = []
    for number, result in enumerate(results.values()):
        correct = result["correct"].transpose("language", "item").reindex(language=languages).to_numpy()
        present = ~np.isnan(correct)
        drawn = weights(correct.shape[1], _RESAMPLES, [seed, number])
        with np.errstate(invalid="ignore"):  # a draw without any item of a language tells nothing
            shares = (drawn @ np.where(present, correct, 0).T) / (drawn @ present.T)
        draws.append(np.where(present.sum(1) < 2, np.nan, shares))
    means = over(np.stack(draws), groups)  # [draw, language]
    ends, known = ends_of_known_draws(means, level), ~np.isnan(means).all(0)
    whole = ends_of_known_draws(means[:, known].mean(1), level) if known.any() else np.full(2, np.nan)
    return ends[0], ends[1], float(whole[0]), float(whole[1])


def _share(hits: np.ndarray, items: np.ndarray) -> np.ndarray:
    return np.divide(hits, items, out=np.full(np.shape(hits), np.nan), where=np.asarray(items) > 0)


def _attribute(results: Mapping[str, xr.Dataset], name: str) -> np.ndarray:
    return np.array([float(result.attrs.get(name, np.nan)) for result in results.values()])
