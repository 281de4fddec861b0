"""Studies of routes: through which heads an answer reaches a receiver, between which positions, along which edges."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import whole_number
from workbench.errors import BadArgument
from workbench.patching import cross_position, edges, path
from workbench.patching.edges.receivers import check_form
from workbench.studies.analysis import OF_TEXTS, Analysis, Cell, analysis
from workbench.studies.findings import patches as findings
from workbench.studies.options import DEFAULTS, Options, common_key
from workbench.studies.patching.pairs import pairs_section, write_pairs
from workbench.studies.patching.sweeps import open_pairs
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section
from workbench.text.pairs import Pairs

_SCALE = "Normalized patching effect: 0 is the unpatched target run, 1 the source run."
_SHOWN = 16  # strongest edges in the figure


@analysis("patch path", only_python=OF_TEXTS)
def run_path(
    model: Any,
    pairs: Any,
    *,
    out: str | Path,
    receiver: str = "final",
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Patch the path from every head to one receiver, and write a report.

    Args:
        receiver: `final`, `residual:4` (a layer), or `q:4.2`, `k:4.2`, `v:4.2` (layer and head).

    Returns:
        The run folder, with `path.nc`, `pairs.csv`, `report.html`.

    Raises:
        BadArgument: no such receiver.
        BadPairs: the pairs cannot be read.
    """
    end = _receiver(receiver)

    def make_section(result: xr.Dataset) -> Section:
        question = f"Which heads reach the receiver {result.attrs['receiver']}?"
        reading = (
            "Each head's output comes from the source run and every other head is frozen at the target run; what then "
            f"reaches the receiver is patched there alone. {_SCALE} Heads after the receiver cannot reach it."
        )
        figure = drawing(figures.heatmap, result, "effect", question=question)
        return section("path", result, figure, reading=reading, finding=findings.heads(result))

    loaded, wanted = open_pairs(model, pairs, limit, options)
    key = {**common_key(loaded, options), "pairs": wanted.hash, "method": "path", "receiver": receiver}
    cell = Cell("path", key, lambda _: path(loaded, wanted, receiver=end, **options.sweep))
    question = f"Through which heads does the answer reach the receiver {receiver}?"
    return _single_cell(f"Paths in {loaded.name} on {wanted.name}", question, cell, wanted, make_section)


@analysis("patch cross-position", only_python=OF_TEXTS)
def run_cross_position(
    model: Any,
    pairs: Any,
    *,
    out: str | Path,
    layer: int | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Patch the state of every position into every other at one layer, and write a report.

    Args:
        layer: of both states; the middle one when None.

    Returns:
        The run folder, with `cross_position.nc`, `pairs.csv`, `report.html`.

    Raises:
        BadArgument: no such layer.
        BadPairs: the pairs cannot be read.
    """
    if layer is not None:
        whole_number("layer", layer)
    loaded, wanted = open_pairs(model, pairs, limit, options)
    at = loaded.n_layers // 2 if layer is None else layer

    question = f"At layer {at}, which source position's state has an effect at which target position?"

    def make_section(result: xr.Dataset) -> Section:
        shown = findings.differing(result)
        reading = (
            f"The state before layer {at} at a position of the source run (row) is patched in at a position of the "
            f"target run (column); positions before the first at which the prompts of a pair differ are left out. "
            f"{_SCALE}"
        )
        figure = drawing(figures.matrix, shown, "effect", question=question)
        return section("cross_position", result, figure, reading=reading, finding=findings.cross_position(shown))

    key = {**common_key(loaded, options), "pairs": wanted.hash, "method": "cross_position", "layer": at}
    cell = Cell("cross_position", key, lambda _: cross_position(loaded, wanted, layer=at, **options.sweep))
    return _single_cell(f"Positions in {loaded.name} on {wanted.name}", question, cell, wanted, make_section)


@analysis("patch edges", only_python=OF_TEXTS)
def run_edges(
    model: Any,
    pairs: Any,
    *,
    out: str | Path,
    steps: int = 0,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Estimate the effect of every edge, measure some exactly, and write a report.

    Args:
        steps: of integrated gradients; 0 takes the slope in the target run alone.

    Returns:
        The run folder, with `edges.nc`, `pairs.csv`, `report.html`.

    Raises:
        UnsupportedSite: this architecture has no edges.
        BadPairs: the pairs cannot be read.
    """
    question = "Along which edges does the answer pass?"

    def make_section(result: xr.Dataset) -> Section:
        table = strongest(result, _SHOWN)
        reading = (
            f"The {len(table)} strongest edges by estimate: one receiver alone reads what a sender writes in the "
            f"source run. {_SCALE} A negative edge works against it. The table has the exact effect beside the "
            "estimate."
        )
        figure = drawing(figures.bars, table.drop(columns="exact"), "effect", question=question)
        return section("edges", result, figure, table=table, reading=reading, finding=findings.edges(result))

    whole_number("steps", steps)
    loaded, wanted = open_pairs(model, pairs, limit, options)
    key = {**common_key(loaded, options), "pairs": wanted.hash, "method": "edges", "steps": steps}
    cell = Cell("edges", key, lambda _: edges(loaded, wanted, steps=steps, **options.sweep))
    return _single_cell(f"Edges of {loaded.name} on {wanted.name}", question, cell, wanted, make_section)


def _single_cell(
    title: str, question: str, cell: Cell, pairs: Pairs, make_section: Callable[[xr.Dataset], Section]
) -> Analysis:
    """A study of one cell, which has one section beside that of its pairs."""
    return Analysis(
        title,
        [cell],
        lambda results: [pairs_section(pairs, results[cell.name]), make_section(results[cell.name])],
        question,
        main=(cell.name,),
        beside=lambda run, _: write_pairs(pairs, run),
    )


def strongest(result: xr.Dataset, count: int) -> pd.DataFrame:
    """The strongest edges by their estimate, with their intervals and, where it was measured, the exact effect.

    Reads `effect[sender, receiver]`, `low`, `high`, `exact[cell]`.
    """
    size = np.nan_to_num(np.abs(result.effect.values))
    order = np.argsort(-size, axis=None, kind="stable")[: min(count, int(np.isfinite(result.effect.values).sum()))]
    cells = zip(result.cell_sender.values, result.cell_receiver.values, result.exact.values, strict=True)
    exact = {(sender, receiver): value for sender, receiver, value in cells}
    rows = {}
    for i, o in zip(*np.unravel_index(order, size.shape), strict=True):
        ends = result.sender.values[i], result.receiver.values[o]
        values = {name: float(result[name].values[i, o]) for name in ("effect", "low", "high")}
        rows[" → ".join(ends)] = {**values, "exact": exact.get(ends, np.nan)}
    return pd.DataFrame(rows).T.rename_axis("edge")


def _receiver(text: str) -> str | tuple[Any, ...]:
    """`q:4.2` as ("q", 4, 2)."""
    site, colon, where = text.partition(":")
    numbers = where.split(".") if colon else []
    if not all(number.isdecimal() for number in numbers):
        raise BadArgument(f"receiver={text!r} is not a receiver; write final, residual:4, q:4.2, k:4.2 or v:4.2")
    receiver = (site, *map(int, numbers)) if numbers else site
    check_form(receiver)
    return receiver
