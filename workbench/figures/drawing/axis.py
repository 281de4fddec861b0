"""One axis of cells: positions, labels and direction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing.labels import axis_title, token_label, value_label

_MOST_LABELS = 64
_MOST_INTEGERS = 24
_MOST_LETTERS = 28  # of labels side by side that fit horizontally even in one of four panels
_TOKENS = {"position": "token", "query": "query_token", "key": "key_token"}  # axis to the coordinate of its tokens


@dataclass(frozen=True)
class Axis:
    """An axis of a figure.

    Attributes:
        dim: Axis of the result.
        title: With units.
        positions: Where the cells lie, `[n]`.
        labels: Tick labels at the positions; None where the positions are the coordinates themselves.
        names: Words for the hover text; None like `labels`.
        short: Short labels, for a horizontal axis; None where `labels` are short enough.
    """

    dim: str
    title: str
    positions: np.ndarray
    labels: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    short: tuple[str, ...] | None = None

    def layout(self, *, vertical: bool, title: bool = True, ticks: bool = True) -> dict[str, Any]:
        """Settings of the plotly axis: words run from the top down, layers and other numbers from the bottom up."""
        settings: dict[str, Any] = {"showgrid": False, "zeroline": False, "showticklabels": ticks}
        if not ticks:
            settings["ticks"] = ""
        if title:
            settings["title"] = {"text": self.title}
        if self.labels is not None:
            labels = self.labels if vertical or self.short is None else self.short
            step = -(-len(labels) // _MOST_LABELS)
            settings |= {"tickmode": "array", "tickvals": self.positions[::step].tolist()}
            settings["ticktext"] = list(labels[::step])
            if vertical and not self.dim.endswith("layer"):
                settings["autorange"] = "reversed"
            elif not vertical and max(map(len, labels)) > 3:
                settings["tickangle"] = -45 if len(labels) * max(map(len, labels)) > _MOST_LETTERS else 0
        elif len(self.positions) <= _MOST_INTEGERS:
            step = 1 if len(self.positions) <= 12 else 2
            settings |= {"tickmode": "array", "tickvals": self.positions[::step].tolist(), "tickangle": 0}
            settings["ticktext"] = [str(value) for value in self.positions[::step]]
        else:
            settings |= {"tickformat": ",d", "nticks": 8, "tickangle": 0}
        if vertical and self.dim == "query":  # texts are read from the top down
            settings["autorange"] = "reversed"
        return settings


def axis(array: xr.DataArray, dim: str, *, scaled: bool = False) -> Axis:
    """The axis of `dim`: integers without holes keep their values, everything else is named cell by cell.

    Args:
        array: What is drawn.
        dim: One of its axes.
        scaled: All whole numbers keep their values: for lines, which unlike cells may lie unevenly.
    """
    title = axis_title(array, dim)
    values = array.get_index(dim).to_numpy()
    tokens = array.coords.get(_TOKENS.get(dim, ""))
    if tokens is not None and tokens.dims == (dim,):
        labels = tuple(  # where several prompts have different tokens, the number is shown
            token_label(token) if str(token) else value_label(dim, value)
            for token, value in zip(tokens.values, values, strict=True)
        )
        names = tuple(
            f"{title} {value_label(dim, value)}: “{label}”" for value, label in zip(values, labels, strict=True)
        )
        return Axis(dim, f"{title} and its token", np.arange(len(values)), labels, names)
    if values.dtype.kind in "iu" and (scaled or (np.diff(values.astype(np.int64)) == 1).all()):
        return Axis(dim, title, values.astype(np.int64))
    labels, short = (tuple(value_label(dim, value, short=cut) for value in values) for cut in (False, True))
    return Axis(dim, title, np.arange(len(values)), labels, tuple(f"{title}: {label}" for label in labels), short)
