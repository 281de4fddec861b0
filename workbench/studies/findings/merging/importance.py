"""What the numbers say about groups of an expert's tensors: which of them a task needs."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import origin
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import Cell, strongest
from workbench.studies.findings.sample import level_of
from workbench.text.display.words import count, expected, number

_BOUNDS = {"ceiling": "the expert of another seed", "floor": "the expert of shuffled data"}
_FLAT = 1e-9  # points


def losses(result: xr.Dataset) -> Finding:
    """The group with the largest loss, how many are beyond their intervals, and whether tasks need the same groups.

    Reads `loss`, `low`, `high` [group, task], `accuracy` and `whole` [task] with its interval, and the correlations.
    """
    lost, gained = result.low > 0, result.high < 0
    parts = [_largest(result, lost)]
    if lost.any():
        by_chance = expected((1 - level_of(result)) / 2 * lost.size)
        cells = count(lost.size, "cell")
        parts.append(f"The interval lies above 0 in {int(lost.sum())} of {cells} of group and task; {by_chance}.")
    if gain := _furthest(result, gained):
        parts.append(
            f"Accuracy rises beyond its interval in {int(gained.sum())} of {count(lost.size, 'cell')}, most"
            f"{_on(result, gain.at['task'])} with {gain.at['group']} put back: {number(-gain.value)} points "
            f"({number(-gain.high)} to {number(-gain.low)})."
        )
    return finding(*parts, *_wholes(result), *_alike(result))


def _largest(result: xr.Dataset, lost: xr.DataArray) -> str:
    """The largest loss beyond its interval, or that there is none."""
    groups = count(result.sizes["group"], "group")
    if peak := _furthest(result, lost):
        return (
            f"Of {groups}, {peak.at['group']} loses most when it is put back, by the lower end of its interval: "
            f"{number(peak.value)} points{_on(result, peak.at['task'])}{peak.interval(level_of(result))}."
        )
    if np.abs(result.loss).max() < _FLAT:
        return f"Nothing is lost on these items: accuracy stays as it is, whichever of {groups} is put back."
    most = result.isel(result.loss.argmax(("group", "task")))
    return (
        f"No loss is beyond its interval, whichever of {groups} is put back; the largest is {number(most.loss)} "
        f"points, {most.group.item()}{_on(result, most.task.item())} ({number(most.low)} to {number(most.high)})."
    )


def _furthest(result: xr.Dataset, where: xr.DataArray) -> Cell | None:
    """Of some cells the one whose interval is furthest from zero; None of none."""
    return strongest(*(result[name].where(where) for name in ("loss", "low", "high"))) if where.any() else None


def _on(result: xr.Dataset, task: str) -> str:
    return f" of {task}" if result.sizes["task"] > 1 else ""


def _wholes(result: xr.Dataset) -> list[str]:
    """For each task what the expert can do, and what it loses without all of its tuning."""
    parts = []
    for name in result["task"].values.tolist():
        own = result.sel(task=name)
        low, high = float(own.whole_low), float(own.whole_high)
        little = ""
        if high < 0:
            little = "; the model before tuning does it better"
        elif low == high == 0:  # item by item both are equally right
            little = "; the model before tuning does it as well, so that there is nothing to lose"
        elif low <= 0:
            little = "; that is not beyond its interval, so that there may be little to lose"
        parts.append(
            f"The expert is right at {number(own.accuracy)} % of {name}{_items(result, name)}, and with all put back "
            f"it loses {number(own.whole)} points ({number(low)} to {number(high)}){little}."
        )
    return parts


def _items(result: xr.Dataset, task: str) -> str:
    """Over how many items of a task the accuracies are, out of the provenance."""
    tasks = (origin(result).get("parameters") or {}).get("tasks") or {}
    items = tasks.get(task, {}).get("items")
    return f" ({count(items, 'item')})" if isinstance(items, int) else ""


def _alike(result: xr.Dataset) -> list[str]:
    """Rank correlations of losses over groups: of each two tasks, and with the experts beside."""
    tasks = result["task"].values.tolist()
    parts = []
    for first, second in itertools.combinations(tasks, 2):
        cell = result.sel(task=first, other_task=second)
        parts.append(_correlated(cell, "correlation", f"of {first} and {second}"))
    for role, words in _BOUNDS.items():
        if f"{role}_correlation" in result:
            parts += [
                _correlated(result.sel(task=name), f"{role}_correlation", f"of {name} with those of {words}")
                for name in tasks
            ]
    return parts


def _correlated(cell: xr.Dataset, variable: str, between: str) -> str:
    value, low, high = (float(cell[f"{variable}{end}"]) for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return f"Losses {between} cannot be ranked: some are all equal."
    ends = f" ({number(low)} to {number(high)})" if np.isfinite(low) else ""
    return f"Losses {between} have a rank correlation of {number(value)}{ends} over groups."


def importance_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each group, then for all together: the loss of each task with its interval, in points."""
    rows = {name: _row(result.sel(group=name), ("loss", "low", "high")) for name in result["group"].values.tolist()}
    rows["all"] = _row(result, ("whole", "whole_low", "whole_high"))
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("put back")


def _row(cells: xr.Dataset, names: tuple[str, str, str]) -> dict[str, Any]:
    row = {}
    for task in cells["task"].values.tolist():
        values = [round(float(cells[name].sel(task=task)), 2) for name in names]
        row |= {f"{task}{end}": value for end, value in zip(("", ", low", ", high"), values, strict=True)}
    return row
