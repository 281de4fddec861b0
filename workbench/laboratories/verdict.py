"""A sentence of what a recipe did, computed from its Result."""

import numpy as np
import xarray as xr

WORDS = {1: "helps", -1: "hurts", 0: "is undecided"}
NOT_MEASURED = "not measured"


def verdict(result: xr.Dataset) -> str:
    """For each measure: helps, hurts or undecided against every control, and by how much, over all languages.

    A recipe helps where the interval of its excess over the control lies on the better side of 0 and every seed has
    that sign; against several controls, where it does against each.
    """
    return " ".join(sentence(result, str(name)) for name in result.measure.values)


def sentence(result: xr.Dataset, measure: str) -> str:
    """The sentence of one measure."""
    own = result.sel(measure=measure)
    moved = f"{measure}: {amount(own, own.mean_change.sel(condition='recipe'))} with {result.attrs['recipe']}"
    if not result.sizes.get("control"):
        return f"{moved}, without a control."
    decided = {int(value) for value in own.mean_helps.values}
    word = WORDS[decided.pop()] if len(decided) == 1 else WORDS[0]
    beyond = [beyond_control(own, str(name)) for name in own.control.values]
    return f"{moved}, {', '.join(beyond)}: it {word}."


def beyond_control(own: xr.Dataset, control: str) -> str:
    """The mean excess of a measure over a control: `+1.5 beyond shuffled [+0.2, +3]`."""
    value, ends = excess(own.sel(control=control))
    return f"{value} beyond {control}{ends}"


def excess(cell: xr.Dataset) -> tuple[str, str]:
    """The mean excess of one cell of a Result and its interval, without their unit: `+1.5` and ` [+0.2, +3]`."""
    _, scale = unit_of(cell)
    value, low, high = (number(cell[f"mean_excess{end}"], scale) for end in ("", "_low", "_high"))
    if NOT_MEASURED in (value, low, high):
        return value, "" if value == NOT_MEASURED else " (without an interval)"
    return value, f" [{low}, {high}]"


def amount(own: xr.Dataset, value: xr.DataArray) -> str:
    """A number of a measure with its unit: `+61 points`."""
    unit, scale = unit_of(own)
    written = number(value, scale)
    return written if written == NOT_MEASURED else f"{written} {unit}"


def unit_of(measured: xr.Dataset) -> tuple[str, float]:
    """The unit in which a measure's numbers are said, and what they are multiplied by: shares are said in points."""
    unit = str(measured.units.values)
    return ("points", 100.0) if unit == "share" else (unit, 1.0)


def number(value: xr.DataArray, scale: float = 1.0) -> str:
    """A signed number with three digits."""
    plain = float(value) * scale
    return NOT_MEASURED if np.isnan(plain) else f"{plain:+.3g}"
