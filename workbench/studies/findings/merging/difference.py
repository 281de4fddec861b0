"""What the numbers say about two tunings of one model: how much each changed, and whether both changed the same."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import strongest
from workbench.text.display.words import count, expected, listed, number, percent

EXPERTS = {
    "task": "task expert",
    "language": "language expert",
    "ceiling": "expert of another seed",
    "floor": "expert of shuffled data",
}
"""Name of an expert in the result -> in sentences and panels."""

_FAR = 3  # standard deviations from chance that are counted
_EQUAL = "Both experts have the same weights, as one expert given twice: whatever they share is no finding."
_NOTHING = "No weights of a layer are changed by both experts, so that there is nothing to compare."


def sizes(result: xr.Dataset) -> Finding:
    """Where each expert changed most. Reads `size` and `tensor_size`."""
    names = result["expert"].values.tolist()
    every = {name: strongest(result["size"].sel(expert=name, drop=True)) for name in names}
    peaks = {name: peak for name, peak in every.items() if peak is not None and peak.value > 0}
    same = [f"The {EXPERTS[name]} changes no weight of a layer." for name in names if name not in peaks]
    if not peaks:
        return finding("No expert changes a weight of a layer.", _outside(result))
    where = [f"{_place(peak.at)} ({percent(peak.value)}, {EXPERTS[name]})" for name, peak in peaks.items()]
    means = [f"{percent(float(result['size'].sel(expert=name).mean()))} in the {EXPERTS[name]}" for name in peaks]
    return finding(
        f"Relative to the weights before, changes are largest in {listed(where)}.",
        f"On average over layers and groups, changes are {listed(means)}.",
        _EQUAL if _are_equal(result) else "",
        *same,
        _outside(result),
    )


def _are_equal(result: xr.Dataset) -> bool:
    """Whether the two experts changed every group of every layer by the same: equal sizes, and cosines of 1."""
    task, other = (result["size"].sel(expert=name, drop=True) for name in ("task", "language"))
    return bool(np.array_equal(task, other, equal_nan=True) and np.allclose(result.cosine.values[task.values > 0], 1))


def _outside(result: xr.Dataset) -> str:
    """The tensor outside the layers that changed most."""
    peak = strongest(result.tensor_size)
    if peak is None or peak.value == 0:
        return ""
    return (
        f"Outside the layers, {peak.at['tensor']} changed most, in the {EXPERTS[peak.at['expert']]} "
        f"({percent(peak.value)})."
    )


def directions(result: xr.Dataset) -> Finding:
    """Whether both change their weights in the same direction. Reads `cosine` and those of ceiling and floor."""
    values = result.cosine
    peak = strongest(values)
    if peak is None:
        return Finding(_NOTHING)
    cells = count(int(values.notnull().sum()), "cell")
    ends = [number(float(end)) for end in (values.min(), values.max())]
    furthest = f"{_place(peak.at)}: {number(peak.value)}"
    spread = f"It lies between {ends[0]} and {ends[1]}, and is furthest from zero in {furthest}."
    return finding(
        f"Changes of the two experts have a cosine of {number(float(values.mean()))} on average over {cells} of layer "
        "and group.",
        spread if ends[0] != ends[1] else "",
        *_bounds(result, "cosine", "Between the task expert and the {} it is {} on average.", number),
    )


def shared(result: xr.Dataset) -> Finding:
    """Whether both change the same weights most. Reads `overlap`, `expected_overlap`, `z`, and ceiling and floor."""
    overlap, chance = result.overlap, result.expected_overlap
    known = int(overlap.notnull().sum())
    if not known:
        return Finding(_NOTHING)
    tested = result.z.notnull()
    far = (result.z > _FAR).sum()
    parts = [
        f"Of the weights that either expert changes most, both do so at {percent(float(overlap.mean()))} on average "
        f"over {count(known, 'cell')} of layer and group; random sets of these sizes share "
        f"{percent(float(chance.mean()))}."
    ]
    if tested.any():
        tests = int(tested.sum())
        parts.append(
            f"They share more than chance by over {_FAR} standard deviations in {int(far)} of {tests}; "
            f"{expected(float(stats.norm.sf(_FAR)) * tests)}."
        )
    if far and (peak := strongest((overlap - chance).where(result.z > _FAR).rename("excess"))):
        cell = result.sel(layer=peak.at["layer"], group=peak.at["group"])
        parts.append(
            f"The excess is largest in {_place(peak.at)}: {percent(float(cell.overlap))} where chance gives "
            f"{percent(float(cell.expected_overlap))}."
        )
    bounds = _bounds(result, "overlap", "The task expert and the {} share {} on average.", percent)
    alone = "Weights do not change independently: without a ceiling and a floor, more than chance alone says little."
    return finding(*parts, *(bounds or [alone]))


def _bounds(result: xr.Dataset, variable: str, text: str, words: Any) -> list[str]:
    """A sentence for each of ceiling and floor that was measured."""
    names = [name for name in ("ceiling", "floor") if f"{name}_{variable}" in result]
    means = {name: float(result[f"{name}_{variable}"].mean()) for name in names}
    return [text.format(EXPERTS[name], words(mean)) for name, mean in means.items() if np.isfinite(mean)]


def _place(at: Mapping[str, Any]) -> str:
    return f"{at['group']} of layer {at['layer']}"


def difference_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each group of each layer, then for each tensor outside: sizes, cosine, overlap, chance, z."""
    inside = {
        f"layer {layer} {group}": {"layer": layer, "group": group}
        for layer in result["layer"].values
        for group in result["group"].values
    }
    rows = {name: _row(result, "", at) for name, at in inside.items()}
    rows |= {name: _row(result, "tensor_", {"tensor": name}) for name in result["tensor"].values.tolist()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("weights").dropna(how="all")


def outside_table(result: xr.Dataset) -> pd.DataFrame:
    """The rows of `difference_table` of tensors outside the layers."""
    return difference_table(result).loc[lambda rows: ~rows.index.str.startswith("layer ")]


def _row(result: xr.Dataset, prefix: str, at: Mapping[str, Any]) -> dict[str, float]:
    cell = result.sel(at)
    values = {f"size, {name}": cell[f"{prefix}size"].sel(expert=name) for name in result["expert"].values.tolist()}
    values |= {
        name.replace("_", " "): cell[f"{prefix}{name}"] for name in ("cosine", "overlap", "expected_overlap", "z")
    }
    return {name: round(float(value), 4) for name, value in values.items()}
