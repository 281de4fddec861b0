"""What the numbers say about laboratories: what a recipe changes beyond its controls, and what inside the model."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from workbench.laboratories.stored import summary
from workbench.laboratories.verdict import NOT_MEASURED
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import count, listed

_RECIPE = "recipe"
_QUICK = "This was a quick run, which shows that the laboratory runs: its numbers are no finding."
_COLUMNS = ("laboratory", "measure", "unit", "change", "control", "its change", "excess", "low", "high", "verdict")


def changes(name: str, result: xr.Dataset, *, quick: bool = False) -> Finding:
    """In how many measures a recipe helps or hurts against every control, and the laboratory's own sentence.

    Reads `mean_helps` [control, measure], and the attribute `finding`.
    """
    own = str(result.attrs.get("finding", ""))
    parts = [part for part in recipes(name, result).values() if part.sizes.get("control")]
    if not parts:
        return finding(f"{name} has no control, so nothing can be put down to it.", own)
    decided = np.concatenate([_decided(part) for part in parts])
    numbers = {word: int((decided == value).sum()) for word, value in (("helps", 1), ("hurts", -1), ("undecided", 0))}
    measures = count(len(decided), "comparison" if len(parts) > 1 else "measure")
    answer = (
        f"Of {measures}, {name} helps in {numbers['helps']} and hurts in {numbers['hurts']} against every control "
        f"({listed(map(str, result['control'].values))}); {numbers['undecided']} undecided."
    )
    answer += f" {_QUICK}" if quick else ""
    few = "One seed only: signs in every seed say nothing yet." if result.sizes.get("seed", 0) == 1 else ""
    return finding(answer, own, few)


def inside(result: xr.Dataset) -> Finding:
    """What changed inside beyond the controls: the sentence that was computed with the numbers.

    Reads the attribute `finding_inside`.
    """
    return finding(str(result.attrs.get("finding_inside") or "Nothing was compared inside."))


def lab_table(results: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """A row for each laboratory, measure and control: change, the control's change, excess, interval, verdict."""
    compared = {name: each for name, each in results.items() if each.sizes.get("control") and "mean_helps" in each}
    frame = summary(compared) if compared else pd.DataFrame(columns=list(_COLUMNS))
    return frame[frame["excess"] != NOT_MEASURED].set_index("laboratory") if len(frame) else frame


def recipes(name: str, result: xr.Dataset) -> dict[str, xr.Dataset]:
    """The parts of a Result, each with a single recipe: conditions may have an excess each, beside the controls."""
    if "mean_excess" not in result or "condition" not in result.mean_excess.dims:
        return {name: result}
    parts = {}
    per_condition = [each for each in result if {"condition", "control"} <= set(result[each].dims)]
    for condition in result["condition"].values.tolist():
        own = {each: result[each].sel(condition=condition, drop=True) for each in per_condition}
        if condition not in result["control"].values and np.isfinite(own["mean_excess"]).any():
            labels = [_RECIPE if label == condition else label for label in result["condition"].values.tolist()]
            parts[f"{name}, {condition}"] = result.assign(own).assign_coords(condition=labels)
    return parts


def _decided(part: xr.Dataset) -> np.ndarray:
    """For each measure 1 where the recipe helps against every control that it is compared with, -1 or 0."""
    helps = part.mean_helps.transpose("control", "measure").values
    known = np.isfinite(part.mean_excess.transpose("control", "measure").values)
    above, below = (((helps == sign) | ~known).all(0) & known.any(0) for sign in (1, -1))
    return above.astype(int) - below.astype(int)
