"""Summary of a variable's cells: how many intervals exclude zero, and how many would by chance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from workbench.results.reading.ranking import Ranking

_LEVEL = 0.95  # confidence level where a Result records none


def interval_notes(ranking: Ranking, record: Mapping[str, Any]) -> list[str]:
    """How many intervals exclude zero, how many would by chance, and how many cells are not ranked."""
    notes = [f"{ranking.tied} more tie with the last of these"] if ranking.tied else []
    if ranking.ranked:
        verb = "interval excludes" if ranking.ranked == 1 else "intervals exclude"
        cells = "cell's" if ranking.ranked == 1 else "cells'"
        notes.append(f"{ranking.excluding} of {ranking.ranked} {cells} {verb} zero; {_chance(ranking.ranked, record)}")
    if ranking.excluding and not ranking.signed:
        notes.append("nothing here is below zero: what cannot be negative excludes zero without an effect too")
    if ranking.ranked < ranking.total:
        notes.append(f"{ranking.total - ranking.ranked} of {ranking.total} cells have no value or no interval")
    return notes


def companion_notes(
    values: xr.DataArray, companions: Mapping[str, xr.DataArray], record: Mapping[str, Any]
) -> list[str]:
    """How many p-values are small, and how many values lie outside the range of their random controls."""
    notes = []
    if "p_value" in companions:
        p_values = companions["p_value"]
        known, alpha = int(p_values.notnull().sum()), 1 - _level(record)
        what = p_values.attrs.get("long_name", "p-value")
        notes.append(f"{int((p_values < alpha).sum())} of {known} cells are below {alpha:.2g} in: {what}")
    if {"control_low", "control_high"} <= companions.keys():
        low, high = companions["control_low"], companions["control_high"]
        known = int((values.notnull() & low.notnull() & high.notnull()).sum())
        outside = int(((values < low) | (values > high)).sum())
        notes.append(f"{outside} of {known} values lie outside the range of their random controls")
    return notes


def value_notes(values: xr.DataArray) -> list[str]:
    """The range of numbers without an interval, or the count of each text value."""
    if values.dtype.kind not in "fiu":
        words, counts = np.unique(values.values.astype(str), return_counts=True)
        most = np.argsort(-counts, kind="stable")[:12]
        more = f" and {len(words) - 12} more" if len(words) > 12 else ""
        return [f"cells: {', '.join(f'{words[each]} {counts[each]}' for each in most)}{more}"]
    numbers = values.values[~np.isnan(values.values)]
    if not numbers.size:
        return [f"none of {values.size} cells has a value"]
    low, middle, high = np.quantile(numbers, [0, 0.5, 1])
    missing = f"; {values.size - numbers.size} of {values.size} cells have no value" * (numbers.size < values.size)
    return [
        f"from {low:.4g} to {high:.4g}, median {middle:.4g}{missing}",
        "no interval belongs to it, so its cells are not ranked",
    ]


def _chance(count: int, record: Mapping[str, Any]) -> str:
    parameters = record.get("parameters") or {}
    if "level" not in parameters and "confidence" in parameters:
        return f"all of them hold together with probability {parameters['confidence']}, so chance would give none"
    level = _level(record)
    stated = "" if "level" in parameters else ", the workbench's where none is recorded"
    return f"chance would give about {(1 - level) * count:.2g} (at a level of {level:g}{stated})"


def _level(record: Mapping[str, Any]) -> float:
    level = (record.get("parameters") or {}).get("level")
    return float(level) if isinstance(level, int | float) and 0 < level < 1 else _LEVEL
