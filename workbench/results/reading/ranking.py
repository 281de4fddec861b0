"""Rank cells by the end of their interval nearer to zero."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr


@dataclass(frozen=True)
class Ranking:
    """The strongest cells of a variable, and counts of all its cells.

    Attributes:
        cells: one row per cell, strongest first, by `rank` (ties share one): a column for each axis, the value under
            its variable's name, its companions, and `excludes_zero`.
        total: cells of the variable.
        ranked: those with a value and both ends of an interval.
        excluding: those whose interval excludes zero.
        signed: whether a value or an end of an interval is below zero.
        tied: cells that are not among `cells` and whose interval is as far from zero as that of the last.
    """

    cells: pd.DataFrame
    total: int
    ranked: int
    excluding: int
    signed: bool
    tied: int


def ranking(values: xr.DataArray, companions: Mapping[str, xr.DataArray], *, most: int) -> Ranking:
    """Rank the cells of a variable by how far their whole interval lies from zero.

    That is `low` of an interval above zero and `-high` of one below; an interval that contains zero ranks below all
    that do not. So a large mean with a wide interval never ranks above a smaller mean whose interval excludes zero.
    Cells without a value or an interval are not ranked; ties stay in the order of the axes.

    Args:
        values: numbers, any axes.
        companions: `low` and `high` with the same axes, and others, which are listed too.
        most: cells to list.
    """
    value, low, high = (array.values.astype(float).ravel() for array in (values, companions["low"], companions["high"]))
    known = np.flatnonzero(~(np.isnan(value) | np.isnan(low) | np.isnan(high)))
    nearest = np.maximum(low, -high)[known]
    order = np.argsort(-nearest, kind="stable")
    shown = order[:most]
    places = np.unravel_index(known[shown], values.shape) if values.ndim else ()
    columns: dict[str, np.ndarray] = {}
    for dim, place in zip(values.dims, places, strict=True):
        columns[str(dim)] = values.get_index(dim).to_numpy()[place]
    columns[str(values.name)] = value[known][shown]
    columns |= {name: array.values.ravel()[known][shown] for name, array in companions.items()}
    columns["excludes_zero"] = nearest[shown] > 0
    last = nearest[shown[-1]] if len(shown) else np.nan
    ranks = 1 + np.searchsorted(-nearest[order], -nearest[shown])  # of equal cells the first one's
    return Ranking(
        cells=pd.DataFrame(columns, index=pd.Index(ranks, name="rank")),
        total=value.size,
        ranked=len(known),
        excluding=int((nearest > 0).sum()),
        signed=bool((np.minimum(value, low)[known] < 0).any()),
        tied=int((nearest == last).sum() - (nearest[shown] == last).sum()),
    )
