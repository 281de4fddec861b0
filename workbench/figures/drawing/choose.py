"""Choose what a figure draws: one variable, some coordinates, and the intervals and p-values that belong to it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from workbench.errors import BadArgument, UnknownLanguage
from workbench.figures.drawing.labels import is_language, language_order
from workbench.results.companions import companions
from workbench.text.languages import match


@dataclass(frozen=True)
class Chosen:
    """One variable, ready to draw.

    Attributes:
        values: The variable after the selection; languages in the order of their codes, other groups after them.
        companions: `low`, `high`, `p_value` ... with the same axes as `values`.
        fixed: Coordinates with a single value, by the selection or before it.
    """

    values: xr.DataArray
    companions: dict[str, xr.DataArray] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)

    @property
    def dims(self) -> tuple[str, ...]:
        """Axes of `values`."""
        return tuple(str(dim) for dim in self.values.dims)

    def at(self, dim: str, index: int) -> "Chosen":
        """The part at one index of an axis."""
        companions = {name: array.isel({dim: index}) for name, array in self.companions.items()}
        return Chosen(self.values.isel({dim: index}), companions, self.fixed)


def choose(result: xr.Dataset, variable: str, select: Mapping[str, Any]) -> Chosen:
    """Take a variable out of a result, restricted to some coordinates.

    Args:
        result: A result of the workbench, or any Dataset.
        variable: One of its variables.
        select: Coordinates by name; one value drops the axis, a list or slice keeps it.

    Raises:
        BadArgument: No such variable, axis or coordinate; the message lists what the result has.
        UnknownLanguage: A language that this result does not have.
    """
    if variable not in result.data_vars:
        has = ", ".join(f"{name}[{', '.join(map(str, array.dims))}]" for name, array in result.data_vars.items())
        raise BadArgument(f"no variable {variable!r} in this result (has: {has or 'none'})")
    values = result[variable]
    for dim in select:
        if dim not in values.dims:
            raise BadArgument(
                f"{variable} has no axis {dim!r} to select from (has: {', '.join(map(str, values.dims))})"
            )
    wanted = {dim: _indices(values, dim, want) for dim, want in select.items()}
    beside = {name: _selected(array, wanted) for name, array in companions(result, variable).items()}
    fixed = {str(name): coord.values.item() for name, coord in values.coords.items() if not coord.ndim}
    fixed |= {dim: values[dim].values[want] for dim, want in wanted.items() if isinstance(want, int)}
    return Chosen(_with_tokens(_selected(values, wanted), result, wanted), beside, fixed)


def choose_numbers(result: xr.Dataset, variable: str, select: Mapping[str, Any], drawing: str) -> Chosen:
    """`choose` for a figure of numbers alone; `drawing` is its name and verb, such as "bars draw".

    Raises:
        BadArgument: as `choose`; or the variable holds words.
        UnknownLanguage: as `choose`.
    """
    chosen = choose(result, variable, select)
    if is_category(chosen.values):
        raise BadArgument(f"{variable} holds words, {drawing} numbers; use figures.heatmap")
    return chosen


def require_variables(result: Any, needed: Collection[str], drawing: str) -> None:
    """Refuse what is not a Result with these variables; `drawing` says what the figure draws.

    Raises:
        BadArgument: it lacks some.
    """
    if not isinstance(result, xr.Dataset) or not set(needed) <= set(result.data_vars):
        raise BadArgument(f"{drawing}; this is another Result")


def is_category(values: xr.DataArray) -> bool:
    """True for words and for yes or no."""
    return values.dtype.kind in "bUOT"


def check_axes(chosen: Chosen, **given: str | None) -> None:
    """Refuse axes that the variable does not have, or that the selection dropped, by their keywords.

    Raises:
        BadArgument: there is no such axis.
    """
    for keyword, name in given.items():
        if name is not None and name not in chosen.dims:
            has = ", ".join(chosen.dims) or "none"
            raise BadArgument(f"{keyword}={name!r} is no axis of what is drawn (has: {has})")


def axis_beside_color(chosen: Chosen, drawing: str, keyword: str, name: str | None, color: str | None) -> list[str]:
    """The axes that a figure of one axis and colours may run along: `name`, or all but `color`.

    Raises:
        BadArgument: no such axis, or other than one axis, or two with one as color.
    """
    check_axes(chosen, **{keyword: name, "color": color})
    dims = chosen.dims
    if len(dims) not in (1, 2) or (name is not None and name == color) or (len(dims) == 1 and color is not None):
        raise BadArgument(
            f"{drawing} 1 axis, or 2 with one as color; {chosen.values.name} has {len(dims)} left "
            f"({', '.join(dims)}), {keyword}={name!r}, color={color!r}; select from the others"
        )
    return [name] if name else [dim for dim in dims if dim != color]


def _indices(values: xr.DataArray, dim: str, want: Any) -> int | list[int]:
    """Index or indices of the selected coordinates."""
    index = values.get_index(dim)
    has = list(index)
    if isinstance(want, slice):
        positions = index.slice_indexer(want.start, want.stop, want.step)
        wanted: int | list[int] = list(range(len(has)))[positions]
    elif isinstance(want, str | bytes) or not isinstance(want, Iterable):
        return _index_of(dim, has, want)
    else:
        wanted = [_index_of(dim, has, item) for item in want]
    if not wanted:
        raise BadArgument(f"{dim}={want!r} selects nothing (has: {_listed(has)})")
    return wanted


def _index_of(dim: str, has: list, want: Any) -> int:
    if want in has:
        return has.index(want)
    if is_language(dim) and isinstance(want, str) and (meant := match(want, [str(code) for code in has])) is not None:
        return [str(code) for code in has].index(meant)
    error = UnknownLanguage if is_language(dim) else BadArgument
    raise error(f"{dim} {want!r} is not in this result (has: {_listed(has)})")


def _listed(has: list) -> str:
    words = [str(item) for item in has]
    return ", ".join(words if len(words) <= 20 else [*words[:8], "...", words[-1]])


def _selected(array: xr.DataArray, wanted: Mapping[str, int | list[int]]) -> xr.DataArray:
    array = array.isel({dim: want for dim, want in wanted.items() if dim in array.dims})
    for dim in array.dims:
        if dim in array.coords and array[dim].dtype.kind in "UOT":
            array = array.isel({dim: language_order(str(dim), list(map(str, array[dim].values)))})
    return array


def _with_tokens(values: xr.DataArray, result: xr.Dataset, wanted: Mapping[str, int | list[int]]) -> xr.DataArray:
    """Attention of one text, `[query, key]`, up to the text's end and with its tokens; anything else as it is."""
    if "token" not in result.data_vars or not {"query", "key"} <= set(values.dims):
        return values
    token = _selected(result["token"], wanted)
    if token.dims != ("position",):
        return values
    other = [dim for dim in values.dims if dim not in ("query", "key")]
    end = int(values.isel(key=0).notnull().any(other).sum())
    words = token.values[:end]
    return values.isel(query=slice(end), key=slice(end)).assign_coords(
        query_token=("query", words), key_token=("key", words)
    )
