"""The lens of sentences in the explorer: its grids for the page."""

from html import unescape
from typing import Any

import xarray as xr

from workbench.figures.drawing import style
from workbench.figures.drawing.labels import describe
from workbench.figures.explorer.figure_json import figure_json
from workbench.figures.lens_grid import COLOURS, legend_above, lens_grid

_LONGEST = 70  # letters of a sentence in the menu
_TOP, _BOTTOM, _LEGEND = 8, 52, 44  # pixels above the cells, below them, and above them with a legend


def sentences(result: xr.Dataset) -> dict[str, Any]:
    """Every text of a lens with its grid in every colour; hover texts stand once for each text."""
    return {
        "colours": [describe(result[name].rename(name)) for name in COLOURS],
        "texts": [_text(result, prompt) for prompt in range(result.sizes["prompt"])],
    }


def _text(result: xr.Dataset, prompt: int) -> dict[str, Any]:
    text = str(result.text.values[prompt])
    grids = [_grid(result, prompt, colour) for colour in COLOURS]
    hovers = [trace.pop("hovertext") for grid in grids for trace in grid["data"]]
    return {
        "label": f"\u2068{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}\u2069",
        "words": _words(result.isel(prompt=prompt)),
        "hover": hovers[0],
        "grids": grids,
    }


def _grid(result: xr.Dataset, prompt: int, colour: str) -> dict[str, Any]:
    figure = legend_above(lens_grid(result, prompt=prompt, colour=colour))
    layout, before = figure.layout, figure.layout.margin
    margin = {"t": _TOP, "b": _BOTTOM, "l": before.l, "r": before.r}
    if colour == "language":
        margin |= {"t": _LEGEND, "r": _TOP}
    cells = layout.height - style.MARGIN["t"] - before.b
    width = layout.width - before.r + margin["r"]
    plain = figure_json(figure, margin=margin, height=cells + margin["t"] + margin["b"], width=width)
    question, under = unescape(layout.title.text), unescape(layout.title.subtitle.text.partition("<br>")[2])
    return {**plain, "question": question, "under": under}


def _words(cells: xr.Dataset) -> str:
    """What the model's output is after the last token of a text."""
    there = int(cells.entropy.isel(layer=-1).notnull().sum())
    last = cells.isel(layer=-1, position=there - 1)
    return f"\u2068{cells.text.values}\u2069: after the last of {there} tokens {likeliest(last)}"


def likeliest(cell: xr.Dataset) -> str:
    """The likeliest token of a cell of a lens, as the end of a sentence."""
    token = str(cell.top_token.values).replace(" ", "␣").replace("\n", "↵")
    return f"the model's likeliest token is \u2068“{token}”\u2069, with probability {float(cell.probability):.2g}."
