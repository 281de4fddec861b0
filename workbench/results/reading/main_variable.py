"""The variable that a Result is about, where the reader names none."""

import xarray as xr

from workbench.errors import BadArgument
from workbench.results.companions import belongs


def given(result: xr.Dataset | xr.DataArray, variable: str | None) -> tuple[xr.Dataset, str]:
    """A Result and the variable to read of it; a DataArray, such as `result["delta"]`, is both.

    Raises:
        BadArgument: a variable of a DataArray, a DataArray with the name of an axis, or no variable named and none is
            the main one.
    """
    if isinstance(result, xr.Dataset):
        return result, main_variable(result) if variable is None else variable
    name = str(result.name if result.name is not None else "value")
    if variable not in (None, name):
        raise BadArgument(f"variable={variable!r} is not in the DataArray {name!r}; leave variable out")
    if name in result.coords:
        raise BadArgument(f"{name!r} is an axis, and not what was measured; give a variable: result[...] or result")
    return result.to_dataset(name=name), name


def main_variable(result: xr.Dataset) -> str:
    """The variable that says so (`role` is "score" in its attributes), or else the first with an axis of layers.

    A Result without either is about its only variable, if there is one beside intervals, p-values and controls.

    Raises:
        BadArgument: several say so, or none does, none has layers, and there are several; lists them.
    """
    own = [str(name) for name in result.data_vars if not belongs(result, str(name))]
    scores = [name for name in own if result[name].attrs.get("role") == "score"]
    layered = [name for name in own if any(str(dim).endswith("layer") for dim in result[name].dims)]
    candidates = scores or layered[:1] or own
    if len(candidates) == 1:
        return candidates[0]
    has = ", ".join(f"{name}[{', '.join(map(str, result[name].dims))}]" for name in candidates)
    raise BadArgument(f"which variable? name one, such as {candidates[0]!r} (has: {has})" if has else "no variables")
