"""The cells of a lens on one text: the predicted token of each, its width, and its hover text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing.labels import escape, letters_wide, token_label, value_label

_LETTERS = 10  # of a token in a cell
_PIXELS = 7.2  # of a letter in a cell
_LEAST = 46  # width of a cell, in pixels


@dataclass(frozen=True)
class Grid:
    """One text's cells.

    Attributes:
        cells: the result of this text, without positions after its end.
        tokens: labels of its tokens.
        labels: labels of the cells, [layer, position], the target's in bold.
        hover: hover texts of the cells, [layer, position].
        width: of a cell, in pixels.
    """

    cells: xr.Dataset
    tokens: list[str]
    labels: np.ndarray
    hover: np.ndarray
    width: int

    @classmethod
    def read(cls, cells: xr.Dataset) -> "Grid":
        """Of a result at one prompt."""
        cells = cells.isel(position=np.isfinite(cells.entropy.values[0])).transpose("layer", "position", ...)
        labelled = np.vectorize(lambda token: token_label(token, most=_LETTERS), otypes=[object])
        names, tokens = labelled(cells.top_token.values), labelled(cells.token.values).tolist()
        widest = max(letters_wide(label) for label in [*names.ravel(), *tokens])
        right = cells["rank"].values == 1
        return cls(
            cells,
            tokens,
            np.where(right, "<b>" + names + "</b>", names),
            _hover(cells),
            round(max(_LEAST, _PIXELS * widest + 8)),
        )


def _hover(cells: xr.Dataset) -> np.ndarray:
    """Hover text of every cell, [layer, position]."""
    lines_of = np.empty((cells.sizes["layer"], cells.sizes["position"]), dtype=object)
    last = cells.sizes["layer"] - 1
    for layer, position in np.ndindex(*lines_of.shape):
        cell = cells.isel(layer=layer, position=position)
        where = "embedding" if layer == 0 else "output" if layer == last else f"layer {int(cell.layer)}"
        lines = [
            f"<b>{where}, after {_quoted(cell.token)}</b> (position {int(cell.position)})",
            f"says {_quoted(cell.top_token)}, probability {float(cell.probability):.3g}",
        ]
        if "candidate" in cell:
            others = zip(cell.candidate.values[1:], cell.candidate_probability.values[1:], strict=True)
            lines += ["then " + ", ".join(f"{_quoted(token)} {value:.2g}" for token, value in others)]
        lines += [f"language {language_words(str(cell.language.values))}", f"entropy {float(cell.entropy):.3g} nats"]
        if np.isfinite(cell["rank"]):
            value = float(cell.target_probability)
            lines += [f"target {_quoted(cell.target)}: rank {int(cell['rank']):,}, probability {value:.3g}"]
        if "logit_difference" in cell and np.isfinite(cell.logit_difference):
            lines += [f"target less foil {float(cell.logit_difference):+.3g} logits"]
        lines_of[layer, position] = "<br>".join(lines)
    return lines_of


def _quoted(token: Any) -> str:
    """A token in quotes, isolated from the writing direction of the text around it."""
    return f"\u2068“{token_label(getattr(token, 'values', token), most=24)}”\u2069"


def language_words(code: str) -> str:
    """A code as a language's names, a script as such."""
    if code in ("unknown", "mixed"):
        return {"unknown": "no letters", "mixed": "mixed scripts"}[code]
    return f"{escape(code)} script" if code[:1].isupper() else value_label("language", code)


def shortened(grid: Grid, most: int) -> str:
    """The grid's text, at most so many letters of it."""
    text = str(grid.cells.text.values)
    return f"\u2068{escape(text if len(text) <= most else text[: most - 1] + '…')}\u2069"
