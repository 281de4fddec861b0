"""Overview of a Result for a terminal or a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument
from workbench.results.companions import belongs, companions
from workbench.results.reading.evidence import companion_notes, interval_notes, value_notes
from workbench.results.reading.main_variable import given
from workbench.results.reading.ranking import ranking
from workbench.results.reading.record import record_rows, recorded
from workbench.text.display.overview import Part, as_html, as_text


@dataclass(frozen=True, repr=False)
class Overview:
    """What `show` returns: a terminal prints it as text, a notebook draws it as HTML.

    Attributes:
        variable: the variable described; empty if the Result has none.
        cells: the strongest cells with their intervals, one row each, ordered by `rank`; no rows if the variable has
            no interval.
        parts: headings, tables and notes, in display order.
    """

    variable: str
    cells: pd.DataFrame
    parts: tuple[Part, ...]

    def __repr__(self) -> str:
        return as_text(self.parts)

    def _repr_html_(self) -> str:
        return as_html(self.parts)


@checked
def show(result: xr.Dataset | xr.DataArray, variable: str | None = None, *, most: int = 10) -> Overview:
    """Describe a Result: what was measured, the strongest cells, and the provenance.

    Cells are ranked by the end of their interval nearer to zero, never by their mean, so that a noisy outlier does not
    come first. The number of intervals that exclude zero is given with the number expected by chance. A variable
    without intervals is not ranked. Nothing is printed: a notebook displays the value of a cell's last line.

    Args:
        result: what an analysis returned or `load_result` read, or one variable of it.
        variable: what to describe, such as "delta" [language, layer, head]; the main variable when None (its attribute
            `role` is "score", or the first with an axis of layers, or the first with an interval).
        most: cells to list.

    Returns:
        An Overview: text in a terminal, HTML in a notebook; `cells` is a frame with a row for each cell listed, values
        in the variable's own unit.

    Raises:
        BadArgument: no such variable, or `most` below 1.

    Example:
        >>> import workbench as wb
        >>> firing = wb.neurons.firing(wb.load_model(), wb.load_corpus(limit=2), progress=False)
        >>> wb.show(firing).variable
        'fired'
    """
    whole_number("most", most, at_least=1)
    result, name = _chosen(result, variable)
    record = recorded(result)
    own = [str(key) for key in result.data_vars if not belongs(result, str(key))]
    parts, cells = [], pd.DataFrame()
    if name:
        about, cells = _cells(result, name, record, most)
        parts += [_measured(result[name]), about]
    rows = tuple(_row(result, key) for key in own if key != name)
    if rows or not name:
        heading, notes = ("Other variables", ()) if name else ("Variables", ("there is none",))
        parts.append(Part(heading, ("name", "axes", "is", "beside it"), rows, notes))
    origin = record_rows(record)
    parts.append(Part("Provenance", ("", ""), origin, () if origin else ("none is recorded",), widest=160))
    return Overview(name, cells, tuple(parts))


def _chosen(result: xr.Dataset | xr.DataArray, variable: str | None) -> tuple[xr.Dataset, str]:
    """The Result and the variable to describe; without a main variable, the first with an interval."""
    if isinstance(result, xr.Dataset) and variable is not None and variable not in result.data_vars:
        has = ", ".join(map(str, result.data_vars)) or "none"
        raise BadArgument(f"no variable {variable!r} in this result (has: {has})")
    try:
        return given(result, variable)
    except BadArgument:
        if not isinstance(result, xr.Dataset):
            raise
    own = [str(name) for name in result.data_vars if not belongs(result, str(name))]
    sure = [name for name in own if "low" in companions(result, name)]
    return result, next(iter([*sure, *own]), "")


def _measured(values: xr.DataArray) -> Part:
    """The variable, its meaning and unit, and a row for each axis."""
    rows = []
    for dim, size in values.sizes.items():
        index = values.get_index(dim)
        some = [*index] if size <= 12 else [*index[:3], "…", index[-1]]
        rows.append((str(dim), size, ", ".join(map(str, some))))
    notes = () if rows else ("a single number",)
    return Part(f"{values.name}: {_described(values)}", ("axis", "size", "labels"), tuple(rows), notes)


def _cells(result: xr.Dataset, name: str, record: Mapping[str, Any], most: int) -> tuple[Part, pd.DataFrame]:
    """The strongest cells, or a summary of the values if there are no intervals."""
    values, beside = result[name], companions(result, name)
    if values.dtype.kind not in "fiu" or not {"low", "high"} <= beside.keys():
        return Part("Values", notes=(*value_notes(values), *companion_notes(values, beside, record))), pd.DataFrame()
    ranked = ranking(values, beside, most=most)
    table = ranked.cells.reset_index()
    rows = tuple(tuple(map(_shown, row)) for row in table.itertuples(index=False))
    headers = tuple(column.replace("_", " ") for column in table.columns)
    notes = (*interval_notes(ranked, record), *companion_notes(values, beside, record))
    heading = "Strongest cells, by the end of the interval nearer to zero" if rows else "No cell can be ranked"
    return Part(heading, headers if rows else (), rows, notes), ranked.cells


def _shown(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _row(result: xr.Dataset, name: str) -> tuple[str, str, str, str]:
    """One row for another variable: name, axes, meaning, companions."""
    values = result[name]
    axes = ", ".join(f"{dim} {size}" for dim, size in values.sizes.items()) or "a single value"
    return name, axes, _described(values), ", ".join(end.replace("_", " ") for end in companions(result, name))


def _described(values: xr.DataArray) -> str:
    """Meaning and unit: "rise of NLL without the head [nats]"."""
    name, units = values.attrs.get("long_name", "no description"), values.attrs.get("units")
    return f"{name} [{units}]" if units else str(name)
