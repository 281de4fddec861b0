"""A section of a report from a Result, its figure and its sentences."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from workbench.results.make import provenance
from workbench.results.scores import score_name
from workbench.studies.findings import controls
from workbench.studies.findings.words import language, number
from workbench.studies.report import Section
from workbench.studies.report.figure_title import plain

# What a variable says of a head, in the words of the report, where its own are not short.
_OF_HEADS = {"role": "role", "delta": "rise of the loss without it", "effect": "share of the way"}


def section(
    name: str,
    result: xr.Dataset,
    figure: go.Figure,
    *,
    reading: str,
    finding: str,
    control: str = "",
    table: pd.DataFrame | None = None,
) -> Section:
    """Make the section of a cell; its title is the question that the figure answers.

    Args:
        name: of the cell: its file is `<name>.nc`.
        result: what the figure was drawn of.
        figure: of `workbench.figures`.
        reading: how to read it.
        finding: what it shows; its first sentence is the answer.
        control: which random or shuffled control stands beside it; read off the result where it is not given.
        table: printed under it.
    """
    heads, measure = of_heads(result)
    return Section(
        title=plain(str(figure.to_dict()["layout"]["title"]["text"])),
        figure=figure,
        table=table,
        reading=reading,
        finding=finding,
        provenance=provenance(result),
        file=f"{name}.nc",
        control=control or controls.control(result),
        heads=heads,
        measure=measure,
    )


def of_heads(result: xr.Dataset) -> tuple[dict[tuple[int, int], str], str]:
    """What a result says of each head, by (layer, head), and what those words say; nothing where it has no heads."""
    name = score_name(result, ("layer", "head"), group="language") or "role"
    if name not in result or not {"layer", "head"} <= set(result[name].dims) <= {"language", "layer", "head"}:
        return {}, ""
    values = result[name].transpose("layer", "head", ...)
    places = [(i, j) for i in range(values.sizes["layer"]) for j in range(values.sizes["head"])]
    words = {(int(values.layer[i]), int(values["head"][j])): _words(values[i, j]) for i, j in places}
    measure = _OF_HEADS.get(name) or str(values.attrs.get("long_name", name))
    return {place: text for place, text in words.items() if text}, measure


def _words(cell: Any) -> str:
    """One head's number: of its strongest language where it has one for each."""
    if cell.dtype.kind not in "fiu":
        return str(cell.values)
    if not np.isfinite(cell.values).any():
        return ""
    units = cell.attrs.get("units", "")
    if not cell.dims:
        return f"{number(float(cell))} {units}".strip()
    at = int(np.nanargmax(np.abs(cell.values)))
    return f"{number(float(cell[at]))} {units}".strip() + f" ({language(cell.language.values[at])})"
