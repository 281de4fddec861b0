"""Companions: the intervals, p-values and controls that belong to a variable of a Result, as the Result itself says.

A variable names them in its attribute `ancillary_variables` (CF conventions, 3.4). One that is named after its owner,
such as `excess_low` of `excess`, is declared by that; the shorter `low`, `high`, `p_value` by whoever makes the Result,
or else they are those of the variable with their axes that was given last before them.
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
    """What each variable's `ancillary_variables` says.

    Args:
        axes: variable to its axes, in the order in which they were given.
        owners: variable to those that belong to it, beside those that are named after it.
    """
    found: dict[str, list[str]] = {}
    for name in axes:
        own = [f"{name}_{end}" for end in ENDS if f"{name}_{end}" in axes]
        own += [other for other in owners.get(name, ()) if other in axes and other not in own]
        if own:
            found[name] = own
    taken = {other for own in found.values() for other in own}
    for end in (end for end in ENDS if end in axes and end not in taken):
        before = list(axes)[: list(axes).index(end)]
        alike = [name for name in before if name not in (*ENDS, *taken) and tuple(axes[name]) == tuple(axes[end])]
        if alike:
            found.setdefault(alike[-1], []).append(end)
    return {name: " ".join(own) for name, own in found.items()}


def companions(result: xr.Dataset, variable: str) -> dict[str, xr.DataArray]:
    """A variable's companions with its axes, by what they are: `low`, `high`, `p_value` ..."""
    values, found = result[variable], {}
    for name in _all(result).get(variable, "").split():
        end = next((end for end in ENDS if name in (end, f"{variable}_{end}")), None)
        if end and name in result.data_vars and result[name].dims == values.dims:
            found[end] = result[name]
    return found


def belongs(result: xr.Dataset, variable: str) -> bool:
    """Whether a variable is the companion of another."""
    return any(variable in names.split() for names in _all(result).values())


def _all(result: xr.Dataset) -> dict[str, str]:
    """Every variable's companions; of a Dataset that declares none, such as one made by hand, by their names.

    There `low`, `high` and the like belong to the one variable of numbers with their axes, if it is the only one.
    """
    stated = {str(name): str(one.attrs[ATTRIBUTE]) for name, one in result.data_vars.items() if ATTRIBUTE in one.attrs}
    if stated:
        return stated
    axes = {str(name): tuple(map(str, one.dims)) for name, one in result.data_vars.items()}
    named = {f"{name}_{end}" for name in axes for end in ENDS}
    numbers = [name for name in axes if result[name].dtype.kind in "fiu" and name not in (*ENDS, *named)]
    alone = {name for name in numbers if [axes[one] for one in numbers].count(axes[name]) == 1}
    found = {}
    for name, others in declared(axes, {}).items():
        if own := [other for other in others.split() if name in alone or other in named]:
            found[name] = " ".join(own)
    return found


def upgrade(result: xr.Dataset) -> None:
    """Let a Result of format 1 declare its companions, in place."""
    method = str(result.attrs.get("method"))
    owners = _FORMAT_1.get(method, {"effect": _INTERVAL} if method.startswith("patching.") else {})
    axes = {str(name): tuple(map(str, one.dims)) for name, one in result.data_vars.items()}
    for name, others in declared(axes, owners).items():
        result[name].attrs.setdefault(ATTRIBUTE, others)
