"""What the atlas holds, as tables."""

from pathlib import Path

import pandas as pd

from workbench.arguments import checked
from workbench.atlas.across.evidence import valued
from workbench.atlas.store import entry as entry_of
from workbench.atlas.store import models


@checked
def overview(folder: str | Path | None = None) -> pd.DataFrame:
    """A row for each model of the atlas.

    Args:
        folder: an atlas of one's own; its entries come before the shipped ones.

    Returns:
        A frame indexed by model: `architecture`, `licence` of the weights, `texts`, on which it was measured,
        `results`, how many there are, `lacks`, how many parts are missing that an entry usually has, and `MB`.

    Raises:
        BadArgument: no such folder.
        BadResult: an entry is of another format, or damaged.

    Example:
        >>> wb.atlas.overview()                                                                  # doctest: +SKIP
    """
    rows = {}
    for name in models(folder):
        record = entry_of(name, folder=folder).record
        parts = record["results"].values()
        rows[name] = {
            "architecture": record["model"].get("architecture", ""),
            "licence": record["licence"],
            "texts": ", ".join(sorted({source.partition("[")[0] for source in record["corpora"]})),
            "results": len(parts),
            "lacks": len(record["lacks"]),
            "MB": round(sum(part["bytes"] for part in parts) / 1e6, 1),
        }
    columns = ["architecture", "licence", "texts", "results", "lacks", "MB"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("model")


@checked
def contents(model: str, *, folder: str | Path | None = None) -> pd.DataFrame:
    """A row for each result of a model.

    Args:
        model: its name in the atlas.
        folder: an atlas of one's own; the shipped one where it lacks the model.

    Returns:
        A frame indexed by the results' names: `method`, `axes`, with their lengths, and `kB`.

    Raises:
        BadArgument: no such entry.
        BadResult: it is of another format, or a file is damaged.

    Example:
        >>> wb.atlas.contents("polyglot")                                                        # doctest: +SKIP
    """
    entry = entry_of(model, folder=folder)
    rows = {
        name: {
            "method": part["method"],
            "axes": ", ".join(f"{axis} {size}" for axis, size in entry.load(name).sizes.items()),
            "kB": round(part["bytes"] / 1e3),
        }
        for name, part in entry.record["results"].items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["method", "axes", "kB"]).rename_axis("result")


def side_by_side(claims: pd.DataFrame) -> pd.DataFrame:
    """Claims as a table to read: a row for each claim, a column for each model with its verdict and numbers.

    Args:
        claims: of `claims`.
    """
    cells = claims.assign(cell=[_cell(row) for _, row in claims.iterrows()])
    wide = cells.pivot_table(index="claim", columns="model", values="cell", aggfunc="first", sort=False)
    wide.columns.name = None
    return wide.reindex(columns=list(dict.fromkeys(claims.model)))


def _cell(row: pd.Series) -> str:
    """A verdict with its estimate and interval."""
    if pd.isna(row.estimate):
        return str(row.verdict)
    interval = "" if pd.isna(row.low) else f" [{valued(row.low, '.2f')}, {valued(row.high, '.2f')}]"
    return f"{row.verdict}: {valued(row.estimate, '.2f')}{interval}"
