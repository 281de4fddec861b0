"""A sentence of what a recipe did, computed from its Result."""

import xarray as xr

_WORDS = {1: "helps", -1: "hurts", 0: "is undecided"}


def verdict(result: xr.Dataset) -> str:
    """For each measure: helps, hurts or undecided against every control, and by how much, over all languages.

    A recipe helps where the interval of its excess over the control lies on the better side of 0 and every seed has
    that sign; against several controls, where it does against each.
    """
    return " ".join(f"{sentence(result, str(name))}" for name in result.measure.values)


def sentence(result: xr.Dataset, measure: str) -> str:
    """The sentence of one measure."""
    own = result.sel(measure=measure)
    unit, scale = unit_of(own)
    moved = f"{measure}: {number(own.mean_change.sel(condition='recipe'), scale)} {unit} with {result.attrs['recipe']}"
    if not result.sizes.get("control"):
        return f"{moved}, without a control."
    decided = {int(value) for value in own.mean_helps.values}
    word = _WORDS[decided.pop()] if len(decided) == 1 else _WORDS[0]
    beyond = []
    for control in own.control.values:
        against = own.sel(control=control)
        excess, low, high = (number(against[f"mean_excess{end}"], scale) for end in ("", "_low", "_high"))
        beyond.append(f"{excess} beyond {control} [{low}, {high}]")
    return f"{moved}, {', '.join(beyond)}: it {word}."


def unit_of(measured: xr.Dataset) -> tuple[str, float]:
    """The unit in which a measure's numbers are said, and what they are multiplied by: shares are said in points."""
    unit = str(measured.units.values)
    return ("points", 100.0) if unit == "share" else (unit, 1.0)


def number(value: xr.DataArray, scale: float = 1.0) -> str:
    """A signed number with three digits."""
    return f"{float(value) * scale:+.3g}"
