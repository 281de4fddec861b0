"""The cells of a lens on one text: the predicted token of each, its width, and its hover text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.figures.drawing.labels import escape, letters_wide, quoted, token_label, value_label

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
    shape = (cells.sizes["layer"], cells.sizes["position"])
    # Looking a cell up in a Dataset takes longer than writing its text.
    arrays: dict[str, Any] = {str(name): array.values for name, array in cells.variables.items()}
    lines_of = np.empty(shape, dtype=object)
    last = shape[0] - 1
    for at in np.ndindex(*shape):
        layer, position = at
        where = "embedding" if layer == 0 else "output" if layer == last else f"layer {int(arrays['layer'][layer])}"
        token, place = quoted(arrays["token"][position]), int(arrays["position"][position])
        lines = [
            f"<b>{where}, after {token}</b> (position {place})",
            f"says {quoted(arrays['top_token'][at])}, probability {float(arrays['probability'][at]):.3g}",
        ]
        if "candidate" in arrays:
            others = zip(arrays["candidate"][at][1:], arrays["candidate_probability"][at][1:], strict=True)
            lines += ["then " + ", ".join(f"{quoted(token)} {value:.2g}" for token, value in others)]
        lines += [
            f"language {language_words(str(arrays['language'][at]))}",
            f"entropy {float(arrays['entropy'][at]):.3g} nats",
        ]
        if np.isfinite(arrays["rank"][at]):
            value = float(arrays["target_probability"][at])
            rank = int(arrays["rank"][at])
            lines += [f"target {quoted(arrays['target'][position])}: rank {rank:,}, probability {value:.3g}"]
        if "logit_difference" in arrays and np.isfinite(arrays["logit_difference"][at]):
            lines += [f"target less foil {float(arrays['logit_difference'][at]):+.3g} logits"]
        lines_of[at] = "<br>".join(lines)
    return lines_of


def language_words(code: str) -> str:
    """A code as a language's names, a script as such."""
    if code in ("unknown", "mixed"):
        return {"unknown": "no letters", "mixed": "mixed scripts"}[code]
    return f"{escape(code)} script" if code[:1].isupper() else value_label("language", code)


def shortened(grid: Grid, most: int) -> str:
    """The grid's text, at most so many letters of it."""
    text = str(grid.cells.text.values)
    return f"\u2068{escape(text if len(text) <= most else text[: most - 1] + '…')}\u2069"
