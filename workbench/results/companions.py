"""Companions: the intervals, p-values and controls that belong to a variable of a Result.

A variable names them in its attribute `ancillary_variables` (CF conventions, 3.4). A companion named after its owner,
such as `excess_low` of `excess`, is declared automatically; plain `low`, `high`, `p_value` are declared by the maker of
the Result, or else belong to the last variable before them with the same axes.
"""

from collections.abc import Mapping, Sequence

import xarray as xr

ENDS = ("low", "high", "p_value", "control_mean", "control_low", "control_high")
ATTRIBUTE = "ancillary_variables"

# Results of format 1 do not say what their `low`, `high` and `p_value` belong to: by method, variable to companions.
_INTERVAL = ("low", "high")
_OF_CONTROLS = {"delta": (*_INTERVAL, "control_mean", "control_low", "control_high"), "excess": ("p_value",)}
_FORMAT_1: dict[str, dict[str, Sequence[str]]] = {
    "heads.ablate": {"delta": (*_INTERVAL, "p_value")},
    "heads.importance": {"importance": (*_INTERVAL, "p_value"), "gradient": ("p_value",)},
    "heads.knockout": _OF_CONTROLS,
    "heads.off_target": {"share": (*_INTERVAL, "control_low", "control_high"), "beyond": ("p_value",)},
    "heads.prune": {"rise": _INTERVAL, "advantage": ("p_value",)},
    "heads.search": {"mean": _INTERVAL},
    "heads.shapley": {"value": _INTERVAL},
    "heads.transfer": {"preference": _INTERVAL, "moved": ("p_value",)},
    "heads.tune_mask": {"accuracy": _INTERVAL, "gain": ("p_value",)},
    "lens.by_language": {"probability": _INTERVAL},
    "neurons.compare": {"change": (*_INTERVAL, "p_value")},
    "neurons.generation_share": {"share": (*_INTERVAL, "control_mean", "control_low", "control_high")},
    "neurons.knockout": _OF_CONTROLS,
    "neurons.stability": {"kept": _INTERVAL},
    "neurons.stages": {"boundary": _INTERVAL, "unexplained": ("p_value",)},
    "neurons.steer": _OF_CONTROLS,
    "patching.concepts": {"probability": _INTERVAL, "control": ("control_low", "control_high")},
    "patching.onsets": {"onset": _INTERVAL},
    "patching.overlap": {"shared": ("p_value",)},
}


def declared(axes: Mapping[str, Sequence[str]], owners: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The value of `ancillary_variables` of each variable.

    Args:
        axes: variable to its axes, in the given order.
        owners: variable to its companions that are not named after it.
    """
    owned: dict[str, list[str]] = {}
    for name in axes:
        own = [f"{name}_{end}" for end in ENDS if f"{name}_{end}" in axes]
        own += [other for other in owners.get(name, ()) if other in axes and other not in own]
        if own:
            owned[name] = own
    taken = {other for own in owned.values() for other in own}
    for end in (end for end in ENDS if end in axes and end not in taken):
        before = list(axes)[: list(axes).index(end)]
        alike = [name for name in before if name not in (*ENDS, *taken) and tuple(axes[name]) == tuple(axes[end])]
        if alike:
            owned.setdefault(alike[-1], []).append(end)
    return {name: " ".join(own) for name, own in owned.items()}


def companions(result: xr.Dataset, variable: str) -> dict[str, xr.DataArray]:
    """The companions of a variable that have its axes, by kind: `low`, `high`, `p_value` ..."""
    values, by_role = result[variable], {}
    for name in _all(result).get(variable, "").split():
        end = next((end for end in ENDS if name in (end, f"{variable}_{end}")), None)
        if end and name in result.data_vars and result[name].dims == values.dims:
            by_role[end] = result[name]
    return by_role


def belongs(result: xr.Dataset, variable: str) -> bool:
    """Whether a variable is the companion of another."""
    return any(variable in names.split() for names in _all(result).values())


def _all(result: xr.Dataset) -> dict[str, str]:
    """Companions of every variable; where none are declared, by name, or by axes that one numeric variable has."""
    stated = {
        str(name): str(values.attrs[ATTRIBUTE])
        for name, values in result.data_vars.items()
        if ATTRIBUTE in values.attrs
    }
    if stated:
        return stated
    axes = {str(name): tuple(map(str, values.dims)) for name, values in result.data_vars.items()}
    named = {f"{name}_{end}" for name in axes for end in ENDS}
    numbers = [name for name in axes if result[name].dtype.kind in "fiu" and name not in (*ENDS, *named)]
    alone = {name for name in numbers if [axes[other] for other in numbers].count(axes[name]) == 1}
    guessed = {}
    for name, others in declared(axes, {}).items():
        if own := [other for other in others.split() if name in alone or other in named]:
            guessed[name] = " ".join(own)
    return guessed


def upgrade(result: xr.Dataset) -> None:
    """Declare the companions of a Result of format 1, in place."""
    method = str(result.attrs.get("method"))
    owners = _FORMAT_1.get(method, {"effect": _INTERVAL} if method.startswith("patching.") else {})
    axes = {str(name): tuple(map(str, values.dims)) for name, values in result.data_vars.items()}
    for name, others in declared(axes, owners).items():
        result[name].attrs.setdefault(ATTRIBUTE, others)
