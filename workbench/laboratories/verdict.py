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
    change = own.mean_change.sel(condition="recipe")
    moved = f"{measure}: {number(change)} {own.units.values!s} with {result.attrs['recipe']}"
    if not result.sizes.get("control"):
        return f"{moved}, without a control."
    decided = {int(value) for value in own.mean_helps.values}
    word = _WORDS[decided.pop()] if len(decided) == 1 else _WORDS[0]
    beyond = [
        f"{number(own.mean_excess.sel(control=name))} beyond {name} [{number(own.mean_excess_low.sel(control=name))}, "
        f"{number(own.mean_excess_high.sel(control=name))}]"
        for name in own.control.values
    ]
    return f"{moved}, {', '.join(beyond)}: it {word}."


def number(value: xr.DataArray) -> str:
    """A signed number with three digits."""
    return f"{float(value):+.3g}"
