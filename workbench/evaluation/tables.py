"""Tables of several results: tasks side by side, and two conditions of the same items."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, BadResult
from workbench.evaluation.means import families, table_means
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result, provenance
from workbench.results.proportions import mcnemar
from workbench.results.statistics import corrected, interval
from workbench.text.display.naming import shortened

_COLUMNS = ("accuracy", "low", "high", "chance", "null", "majority", "answer_only", "above", "items")
_COUNTS = ("merged", "truncated", "unparsed", "unfinished")  # of items; not every task has each


@checked
def table(results: Mapping[str, xr.Dataset], *, level: float = 0.95) -> xr.Dataset:
    """Several tasks in one table, with p-values corrected over all of it.

    Args:
        results: name of a task to its Result of `accuracy`; languages that a task lacks are NaN.

    Returns:
        `accuracy[task, language]` with `low`, `high`; `chance`, `null`, `majority`, `answer_only`, `above`, in points,
        with `p_value`, corrected over the table; `items`, and as far as the tasks have them the counts `merged`,
        `truncated`, `unparsed`, `unfinished`; `fixed_labels[task]`: 1 where `above` is above `null`, what the label
        prior earns, in place of chance; `headroom`, above / (1 - chance), the share of what was left to gain.

        Means in which each task and each language counts once: `mean_accuracy` and `mean_headroom[language]` over
        tasks, `task_accuracy[task]` over languages, `overall_accuracy` and `overall_headroom` over both, of the
        languages that have all tasks; accuracies with `_low`, `_high` (bootstrap over each task's items, each drawn
        with all its languages) and, beside them, `_of_items`, in which each item counts once. Use the headroom where
        chances differ. MNLI, SNLI and XNLI are one task in all means over tasks: the attribute `one_task` names those
        that are here.

    Raises:
        BadArgument: no result.
        BadResult: one that is not of `accuracy`, or results of several models.

    Example:
        >>> wb.figures.heatmap(wb.evaluation.table({"words": a, "causes": b}), "above")          # doctest: +SKIP
    """
    if not results:
        raise BadArgument("results is empty; give {'words': wb.evaluation.accuracy(model, task)}")
    for name, result in results.items():
        attributes = getattr(result, "attrs", {})
        own = {"correct"} if attributes.get("item_kind") == "generate" else {"correct", "choice"}
        if not own | {"accuracy", "p_single"} <= set(getattr(result, "data_vars", ())):
            raise BadResult(f"{name!r} is no result of wb.evaluation.accuracy")
    records = {name: provenance(result) for name, result in results.items()}
    models = [record.get("model") for record in records.values()]
    known = [model for model in models if model]
    if len({tuple(str(model.get(part)) for part in ("name", "revision", "hash", "dtype")) for model in known}) > 1:
        names = list(dict.fromkeys(str(model.get("name")) for model in known))
        raise BadResult(f"these results are of several models ({shortened(names)}); make a table for each")
    seeds = {record.get("seed") for record in records.values()}
    seed = seeds.pop() if len(seeds) == 1 else None
    languages = list(dict.fromkeys(code for result in results.values() for code in result["language"].values.tolist()))
    values = {
        name: np.stack([_column(result, name, languages) for result in results.values()])
        for name in (*_COLUMNS, "p_single")
    }
    first = next(iter(results.values()))
    fixed = np.array([[bool(result.attrs.get("fixed_labels"))] for result in results.values()])
    baseline = np.where(fixed, values["null"], values["chance"])
    with np.errstate(invalid="ignore", divide="ignore"):
        headroom = (values["accuracy"] - baseline) / (1 - baseline)
    cells = ("task", "language")
    variables: Variables = {name: (cells, values[name], _words(first[name])) for name in _COLUMNS}
    variables["p_value"] = (cells, corrected(values["p_single"]), "p-value of above, corrected over the table")
    prior = "whether above is above what the label prior earns, and not above chance"
    variables["fixed_labels"] = (("task",), fixed[:, 0].astype(int), prior)
    variables["headroom"] = (cells, headroom, "share of what is left above chance")
    for name in _COUNTS:
        counted = [result for result in results.values() if name in result]
        if counted:
            counts = [_column(result, name, languages) for result in results.values()]
            variables[name] = (cells, np.stack(counts), _words(counted[0][name]))
    variables |= table_means(results, values, headroom, languages, level=level, seed=seed or 0)
    joined = max(families(results), key=len)
    return make_result(
        variables,
        {"task": list(results), "language": languages},
        method="evaluation.table",
        parameters={name: record.get("parameters") for name, record in records.items()},
        model=known[0] if len(known) == len(models) else None,
        corpus={name: record.get("corpus") for name, record in records.items()},
        seed=seed,
        attrs={"level": level, "one_task": shortened([list(results)[place] for place in joined] if joined[1:] else [])},
        owners={"accuracy": ("low", "high"), "above": ("p_value",)},
    )


@checked
def compare(before: xr.Dataset, after: xr.Dataset, *, level: float = 0.95, seed: int = 0) -> xr.Dataset:
    """Two conditions on the same items, such as a model and its edit: the paired change of accuracy.

    Args:
        before: a Result of `accuracy`.
        after: of the same items and languages.

    Returns:
        `change[language]`, in points, with `low`, `high` (bootstrap over items, of which an aligned one is drawn with
        all its languages) and `p_value` (exact McNemar, corrected over the languages); `gained`, `lost`, items that
        are right in one condition only.

    Raises:
        BadResult: other items, languages or golds.

    Example:
        >>> off = wb.evaluation.accuracy(model, task, heads=wb.heads.top(scores)["de"])          # doctest: +SKIP
        >>> wb.evaluation.compare(wb.evaluation.accuracy(model, task), off)                      # doctest: +SKIP
    """
    for name, result in (("before", before), ("after", after)):
        if not {"correct", "gold"} <= set(result.data_vars):
            raise BadResult(f"{name} is no result of wb.evaluation.accuracy")
    same = all(before[name].values.tolist() == after[name].values.tolist() for name in ("language", "item", "gold"))
    if not same:
        raise BadResult("before and after have other languages, items or right answers; measure the same task")
    difference = after.correct.values - before.correct.values  # [language, item]
    gained, lost = (difference > 0).sum(1), (difference < 0).sum(1)
    bounds = interval(100 * difference, axis=1, level=level, seed=seed)
    p = corrected(mcnemar(gained, lost))
    by_language = ("language",)
    return make_result(
        {
            "change": (by_language, 100 * np.nanmean(difference, 1), "change of the accuracy [points]"),
            **interval_ends(by_language, bounds, "change over items [points]", level=level),
            "p_value": (by_language, p, "p-value of McNemar's exact test, corrected"),
            "gained": (by_language, gained, "items that only the second condition has right"),
            "lost": (by_language, lost, "items that only the first condition has right"),
        },
        {"language": before["language"].values.tolist()},
        method="evaluation.compare",
        parameters={"before": provenance(before).get("parameters"), "after": provenance(after).get("parameters")},
        model=provenance(after).get("model"),
        corpus=provenance(after).get("corpus"),
        seed=seed,
        owners={"change": ("low", "high", "p_value")},
    )


def _column(result: xr.Dataset, name: str, languages: list[str]) -> np.ndarray:
    """A variable by language; NaN where the result lacks the language, or the variable."""
    if name not in result:
        return np.full(len(languages), np.nan)
    return result[name].reindex(language=languages).to_numpy().astype(float)


def _words(values: xr.DataArray) -> str:
    unit = values.attrs.get("units")
    return f"{values.attrs.get('long_name', values.name)}" + (f" [{unit}]" if unit else "")
