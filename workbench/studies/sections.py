"""A section of a report from a Result, its figure and its sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from workbench.figures.question import plain_question
from workbench.results.make import provenance
from workbench.results.scores import score_name
from workbench.studies.findings import controls, sample
from workbench.studies.findings.finding import Finding, Head
from workbench.studies.report import Section
from workbench.text.display.words import language, number

# Short names of the measures of heads, where `long_name` is long.
_MEASURES = {"role": "role", "delta": "rise of the loss without it", "effect": "normalized patching effect"}


@dataclass(frozen=True)
class Drawing:
    """A question and the figure that answers it, without a title; None where a table does."""

    question: str
    figure: go.Figure | None = None


def drawing(
    draw: Callable[..., go.Figure],
    result: Any,
    *variable: str,
    question: str = "",
    select: Mapping[str, Any] | None = None,
    **options: Any,
) -> Drawing:
    """Draw a figure without its title.

    Args:
        draw: of `workbench.figures`.
        result: what it draws.
        *variable: the variable of the result, for a figure of one.
        question: in place of the one that the variable answers.
        select: coordinates by name.
        **options: of `draw`.
    """
    cells = select or {}
    title = question or plain_question(result, *variable, **cells)
    return Drawing(title, draw(result, *variable, title="", **cells, **options))


def section(
    name: str,
    result: xr.Dataset,
    drawn: Drawing,
    *,
    reading: str,
    finding: Finding,
    control: str = "",
    table: pd.DataFrame | None = None,
) -> Section:
    """Make the section of a cell.

    Args:
        name: of the cell: its file is `<name>.nc`.
        result: what the figure was drawn of.
        drawn: the question and the figure.
        reading: how to read it.
        finding: what it shows.
        control: which random or shuffled control was measured; read from the result by default.
        table: printed under it.
    """
    heads, measure = of_heads(result)
    few = sample.warning(result)
    return Section(
        title=drawn.question,
        figure=drawn.figure,
        table=table,
        reading=reading,
        finding=finding.then(Finding(few)) if few else finding,
        provenance=provenance(result),
        file=f"{name}.nc",
        control=control or controls.control(result),
        heads=heads,
        measure=measure,
    )


def of_heads(result: xr.Dataset) -> tuple[dict[Head, str], str]:
    """A result's number of each head as text, by (layer, head), and what it measures; nothing without heads."""
    name = score_name(result, ("layer", "head"), group="language") or "role"
    if name not in result or not {"layer", "head"} <= set(result[name].dims) <= {"language", "layer", "head"}:
        return {}, ""
    values = result[name].transpose("layer", "head", ...)
    cells = [(i, j) for i in range(values.sizes["layer"]) for j in range(values.sizes["head"])]
    words = {(int(values.layer[i]), int(values["head"][j])): _words(values[i, j]) for i, j in cells}
    measure = _MEASURES.get(name) or str(values.attrs.get("long_name", name))
    return {head: text for head, text in words.items() if text}, measure


def _words(cell: Any) -> str:
    """One head's number as text: that of its strongest language, if it has one for each."""
    if cell.dtype.kind not in "fiu":
        return str(cell.values)
    if not np.isfinite(cell.values).any():
        return ""
    units = cell.attrs.get("units", "")
    if not cell.dims:
        return f"{number(float(cell))} {units}".strip()
    at = int(np.nanargmax(np.abs(cell.values)))
    return f"{number(float(cell[at]))} {units}".strip() + f" ({language(cell.language.values[at])})"
