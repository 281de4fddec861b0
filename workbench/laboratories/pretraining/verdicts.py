"""Sentences of what the schedules did, computed from a Result."""

import xarray as xr

from workbench.laboratories.pretraining.order import SINGLE_DIRECTION
from workbench.laboratories.verdict import excess, unit_of

TRAINED, HELD_OUT, BITS = "exact match, trained words", "exact match, held-out words", "bits per byte"
_WORDS = {1: "better", -1: "worse", 0: "undecided"}


def finding(result: xr.Dataset) -> str:
    """Both directions of every schedule on trained words, then each measure against each control."""
    names = [str(name) for name in result.condition.values if name != "before"]
    parts = [ways(result, name) for name in names]
    rest = [name for name in names if name not in result.control.values]
    for measure in result.measure.values:
        for control in result.control.values:
            compared = [against(result, name, str(measure), str(control)) for name in rest]
            unit, _ = unit_of(result.sel(measure=measure))
            parts += [f"{measure} beyond {control}, in {unit}: {'; '.join(compared)}."] if compared else []
    return " ".join(parts)


def ways(result: xr.Dataset, name: str) -> str:
    """What a schedule translates of the trained words, in the order of the codes and back."""
    score = result.score.sel(condition=name, measure=TRAINED)
    labels = [str(code) for code in result.language.values if "-" in str(code)]
    forth = [code for code in labels if code.split("-")[0] < code.split("-")[1]]
    back = [code for code in labels if code not in forth]
    there, again = (float(score.sel(language=part).mean()) for part in (forth, back))
    only = "back" if SINGLE_DIRECTION.get(name) else "in code order"
    order = f" (trained {only} only)" if name in SINGLE_DIRECTION else ""
    return f"{name}{order}: {there:.0%} of trained words in code order, {again:.0%} back."


def against(result: xr.Dataset, name: str, measure: str, control: str) -> str:
    """How far a schedule is from a control, with the interval."""
    own = result.sel(condition=name, measure=measure, control=control)
    return f"{name} {''.join(excess(own))}, {_WORDS[int(own.mean_helps)]}"
