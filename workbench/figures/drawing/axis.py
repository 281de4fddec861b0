"""One axis of cells: positions, labels and direction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing.labels import axis_title, escape, token_label, value_label

_MOST_LABELS = 64
_MOST_INTEGERS = 24
_MOST_LETTERS = 28  # of labels side by side that fit horizontally even in one of four panels
_BOTH = ("source_token", "target_token")
_TOKENS = {  # axis to the coordinates of its tokens: of a prompt, or of both prompts of an example pair
    "position": [_BOTH, ("token",)],
    "role": [_BOTH],
    "source_position": [("source_token",)],
    "target_position": [("target_token",)],
    "query": [("query_token",)],
    "key": [("key_token",)],
}
_TOKEN, _WIDEST, _LINE = 14, 900, 11  # pixels of a column with a token under it, of all columns, of a line of text
_SIDES = 160  # pixels beside the columns
_OF_TWO = 10  # most letters of a token beside another one


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
        differing: Of an axis of tokens, the cells that keep their label where not all have place; None of others.
    """

    dim: str
    title: str
    positions: np.ndarray
    labels: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    short: tuple[str, ...] | None = None
    differing: tuple[int, ...] | None = None

    def layout(self, *, vertical: bool, title: bool = True, ticks: bool = True) -> dict[str, Any]:
        """Settings of the plotly axis: words run from the top down, layers and other numbers from the bottom up."""
        settings: dict[str, Any] = {"showgrid": False, "zeroline": False, "showticklabels": ticks}
        if not ticks:
            settings["ticks"] = ""
        if title:
            settings["title"] = {"text": self.title}
        if self.labels is not None:
            labels = self.labels if vertical or self.short is None else self.short
            shown = self._labelled()
            settings |= {"tickmode": "array", "tickvals": self.positions[shown].tolist()}
            settings["ticktext"] = [labels[cell] for cell in shown]
            if vertical and not self.dim.endswith("layer"):
                settings["autorange"] = "reversed"
            longest = max(len(label.replace("<b>", "").replace("</b>", "")) for label in labels)
            if not vertical and longest > 3:
                settings["tickangle"] = -45 if len(labels) * longest > _MOST_LETTERS else 0
                if self.differing is not None and len(labels) > _MOST_INTEGERS:
                    settings["tickangle"] = -90
        elif len(self.positions) <= _MOST_INTEGERS:
            step = 1 if len(self.positions) <= 12 else 2
            settings |= {"tickmode": "array", "tickvals": self.positions[::step].tolist(), "tickangle": 0}
            settings["ticktext"] = [str(value) for value in self.positions[::step]]
        else:
            settings |= {"tickformat": ",d", "nticks": 8, "tickangle": 0}
        if vertical and self.dim == "query":  # texts are read from the top down
            settings["autorange"] = "reversed"
        return settings

    @property
    def least_width(self) -> int:
        """Pixels of a figure in which the tokens under its cells can be read; 0 for other axes."""
        return 0 if self.differing is None else min(_WIDEST, _TOKEN * len(self.positions)) + _SIDES

    def _labelled(self) -> list[int]:
        """Which cells have a label: those that differ, and others far enough from all before them."""
        count = len(self.positions)
        step = -(-count // (_MOST_LABELS if self.differing is None else _WIDEST // _LINE))
        shown: list[int] = []
        for cell in [*(self.differing or ()), *range(count)]:
            if all(abs(cell - other) >= step for other in shown):
                shown.append(cell)
        return sorted(shown)


def axis(array: xr.DataArray, dim: str, *, scaled: bool = False) -> Axis:
    """The axis of `dim`: integers without holes keep their values, everything else is named cell by cell.

    Args:
        array: What is drawn.
        dim: One of its axes.
        scaled: All whole numbers keep their values: for lines, which unlike cells may lie unevenly.
    """
    title = axis_title(array, dim)
    values = array.get_index(dim).to_numpy()
    if tokens := _tokens(array, dim):
        return _token_axis(array, dim, tokens)
    if values.dtype.kind in "iu" and (scaled or (np.diff(values.astype(np.int64)) == 1).all()):
        return Axis(dim, title, values.astype(np.int64))
    labels, short = (tuple(value_label(dim, value, short=cut) for value in values) for cut in (False, True))
    return Axis(dim, title, np.arange(len(values)), labels, tuple(f"{title}: {label}" for label in labels), short)


def _tokens(array: xr.DataArray, dim: str) -> list[xr.DataArray]:
    """The coordinates with the tokens of an axis; none where it has none."""
    for names in _TOKENS.get(dim, ()):
        tokens = [array.coords[name] for name in names if name in array.coords and array.coords[name].dims == (dim,)]
        if len(tokens) == len(names):
            return tokens
    return []


def _token_axis(array: xr.DataArray, dim: str, tokens: list[xr.DataArray]) -> Axis:
    """An axis whose cells are named by their tokens, and by the role where there is one.

    Where several prompts have different tokens and none is an example, the number is shown.
    """
    title, values = axis_title(array, dim), array.get_index(dim).to_numpy()
    role_of = array.coords.get(f"{dim}_role", xr.DataArray(values if dim == "role" else [""] * len(values)))
    labels, names = [], []
    for value, role, *texts in zip(values, role_of.values, *(each.values for each in tokens), strict=True):
        most = {} if len(set(texts)) == 1 else {"most": _OF_TWO}
        label = " / ".join(token_label(text, **most) for text in dict.fromkeys(texts) if str(text))
        named = f"<b>{escape(role)}</b> {label}" if str(role) and label else label
        labels.append(named or value_label(dim, value))
        names.append(f"{title} {value_label(dim, value)}: “{named or value_label(dim, value)}”")
    example = tokens[0].attrs.get("example_pair")
    of = " and its token" if example is None else f" and token of pair {example}"
    both = ", source / target" if len(tokens) > 1 else ""
    differing = [
        cell for cell, texts in enumerate(zip(*(each.values for each in tokens), strict=True)) if len(set(texts)) > 1
    ]
    return Axis(
        dim, f"{title}{of}{both}", np.arange(len(values)), tuple(labels), tuple(names), differing=tuple(differing)
    )
