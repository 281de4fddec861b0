"""The main variable of a Result, used when none is named."""

import xarray as xr

from workbench.errors import BadArgument
from workbench.results.companions import belongs


def given(result: xr.Dataset | xr.DataArray, variable: str | None) -> tuple[xr.Dataset, str]:
    """A Result and the name of the variable to read; a DataArray, such as `result["delta"]`, gives both.

    Raises:
        BadArgument: another variable than the DataArray, a DataArray named like an axis, or no variable named and no
            main one.
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
    """The variable with the attribute `role` = "score", or else the first with a layer axis.

    Without either, the only variable that is not an interval, p-value or control.

    Raises:
        BadArgument: several have the role, or several variables and none has the role or a layer axis; lists them.
    """
    own = [str(name) for name in result.data_vars if not belongs(result, str(name))]
    scores = [name for name in own if result[name].attrs.get("role") == "score"]
    layered = [name for name in own if any(str(dim).endswith("layer") for dim in result[name].dims)]
    candidates = scores or layered[:1] or own
    if len(candidates) == 1:
        return candidates[0]
    has = ", ".join(f"{name}[{', '.join(map(str, result[name].dims))}]" for name in candidates)
    raise BadArgument(f"which variable? name one, such as {candidates[0]!r} (has: {has})" if has else "no variables")
