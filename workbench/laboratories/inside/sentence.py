"""A sentence on what training changed inside, computed from the numbers: what goes beyond the controls."""

import numpy as np
import xarray as xr

from workbench.text.languages import name as language_name

LEVEL = 0.05  # of corrected p-values
_WHOLE = {  # quantity -> its name and unit, and what the recipe did where it is above, and below, every control
    "inside_kappa": (
        "classes of neurons",
        "kappa",
        "changed the class of fewer neurons",
        "changed the class of more neurons",
    ),
    "inside_mean_rank": (
        "order of heads",
        "rank correlation",
        "changed the order of heads less",
        "changed the order of heads more",
    ),
}
_BY_STATE = {
    "inside_patched_concept": "the patched concept",
    "inside_patched_language": "the patched language",
}


def sentence(result: xr.Dataset, *, target: str = "") -> str:
    """What the recipe changed inside beyond every control, and what not.

    A change is beyond the controls where the excess over each of them has one sign: with an interval on one side of
    zero, or, of states of the model, with a corrected p-value below 0.05.

    Args:
        result: what `Inside.compare` returned.
        target: language whose words the lens is read for.
    """
    recipe = str(result["condition"].values[1])
    if "control" not in result.dims:
        return f"No control was looked at, so nothing that changed inside can be put down to {recipe}."
    beyond, others = [], []
    for variable, (name, unit, higher, lower) in _WHOLE.items():
        if variable in result:
            side, levels = _side(result, variable), _levels(result, variable, unit)
            if side:
                beyond.append(f"{higher if side > 0 else lower} ({levels})")
            else:
                others.append(f"{name} ({levels})")
    for excess, p, name in _by_state(result, target):
        signs = _signs(excess, p)
        for sign, how in ((1, "more"), (-1, "less")):
            if (signs == sign).any():
                beyond.append(f"made {name} {how} probable at {_places(np.flatnonzero(signs == sign))}")
        if not signs.any():
            others.append(f"probability of {name}")
    controls = " and ".join(map(str, result["control"].values))
    first = (
        f"Beyond {controls}, {recipe} {'; '.join(beyond)}."
        if beyond
        else f"Nothing that {recipe} changed goes beyond {controls}."
    )
    return " ".join([first, *([f"Not beyond every control: {'; '.join(others)}."] if others else [])])


def _by_state(result: xr.Dataset, target: str) -> list[tuple[xr.DataArray, xr.DataArray, str]]:
    """Excess and its p-value [control, state] of what has states, with its name."""
    parts = []
    if "inside_lens" in result and target in result["language"].values:
        of_target = result.sel(language=target)
        name = f"words of {language_name(target)}"
        parts.append((of_target.inside_lens_excess, of_target.inside_lens_excess_p_value, name))
    for variable, name in _BY_STATE.items():
        if variable in result:
            parts.append((result[f"{variable}_excess"], result[f"{variable}_excess_p_value"], name))
    return parts


def _side(result: xr.Dataset, variable: str) -> int:
    """1 or -1 where the excess over every control lies above or below zero with its interval; else 0."""
    low, high = (result[f"{variable}_excess_{end}"].values for end in ("low", "high"))
    return int((low > 0).all()) - int((high < 0).all())


def _levels(result: xr.Dataset, variable: str, unit: str) -> str:
    """The quantity of the recipe and of each control."""
    names, values = result["condition"].values[1:], result[variable].values[1:]
    return f"{unit} {values[0]:.2f}; " + ", ".join(
        f"{name} {value:.2f}" for name, value in zip(names[1:], values[1:], strict=True)
    )


def _signs(excess: xr.DataArray, p: xr.DataArray) -> np.ndarray:
    """Of each state, the sign of an excess that every control has with a small corrected p-value; else 0."""
    axes = ("control", "state")
    signs = np.where(p.transpose(*axes).values < LEVEL, np.sign(excess.transpose(*axes).values), 0)
    return np.where((signs == signs[0]).all(0), signs[0], 0)


def _places(states: np.ndarray) -> str:
    """Numbers of states as ranges: states 2 to 4 and 6."""
    runs = np.split(states, np.flatnonzero(np.diff(states) > 1) + 1)
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"state{'s' if len(states) > 1 else ''} {' and '.join(parts)}"
