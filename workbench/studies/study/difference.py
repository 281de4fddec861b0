"""What differs between two runs of studies: their jobs, what these were given, and the numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.study.folder import results_in

_COLUMNS = ["job", "result", "what", "a", "b"]


def diff(a: str | Path, b: str | Path) -> pd.DataFrame:
    """Say what differs between the finished results of two studies.

    Args:
        a: the folder of a study.
        b: the folder of another.

    Returns:
        A row for each difference: `job`, `result`, `what`, and what it is in `a` and in `b`: a result that only one
        has, an input or option, such as `model.hash`, and for each variable the largest difference of its numbers. No
        row: they are equal, bit for bit.

    Raises:
        BadStudy: a folder has no study.
        BadResult: a result is damaged.
    """
    sides = [{(job.folder, name): result for job, name, result in results_in(folder)} for folder in (a, b)]
    rows: list[tuple[Any, ...]] = []
    for place in dict.fromkeys([*sides[0], *sides[1]]):
        there = [place in side for side in sides]
        if not all(there):
            rows.append((*place, "result", *("there" if has else "missing" for has in there)))
            continue
        first, second = (side[place] for side in sides)
        rows += [(*place, *change) for change in [*_inputs(first, second), *_numbers(first, second)]]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _inputs(first: xr.Dataset, second: xr.Dataset) -> list[tuple[str, Any, Any]]:
    """What the two were computed from, where it differs."""
    sides = [_flat(json.loads(str(result.attrs.get("cell", "{}")))) for result in (first, second)]
    names = dict.fromkeys([*sides[0], *sides[1]])
    changed = [name for name in names if sides[0].get(name) != sides[1].get(name)]
    return [(name, sides[0].get(name), sides[1].get(name)) for name in changed]


def _flat(record: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested entries under names with dots."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def _numbers(first: xr.Dataset, second: xr.Dataset) -> list[tuple[str, Any, Any]]:
    """The variables that differ: their sizes, or how large the largest difference is."""
    changes: list[tuple[str, Any, Any]] = []
    for name in map(str, dict.fromkeys([*first.variables, *second.variables])):
        if name not in first.variables or name not in second.variables:
            there = ["there" if name in side.variables else "missing" for side in (first, second)]
            changes.append((name, there[0], there[1]))
        elif not (mine := first[name].variable).equals(yours := second[name].variable):
            if mine.dims != yours.dims or mine.shape != yours.shape:
                changes.append((f"{name}: size", dict(mine.sizes), dict(yours.sizes)))
            elif mine.dtype.kind in "fiu" and yours.dtype.kind in "fiu":
                left, right = mine.values.astype(float), yours.values.astype(float)
                equal = (left == right) | (np.isnan(left) & np.isnan(right))
                gap = np.where(equal, 0.0, np.nan_to_num(np.abs(left - right), nan=np.inf))  # a missing number is far
                at = np.unravel_index(int(gap.argmax()), gap.shape)
                changes.append((f"{name}: largest difference", mine.values[at].item(), yours.values[at].item()))
            else:
                number = int((mine.values != yours.values).sum())
                changes.append((f"{name}: values", f"{number} differ", f"of {mine.size}"))
    return changes
