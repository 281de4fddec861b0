"""The logit lens on a sentence: a cell for every layer and token, with the token that the layer predicts."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.arguments import one_of, whole_number
from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.drawing.cells import single_colour
from workbench.figures.drawing.colour import colour_axis
from workbench.figures.drawing.labels import describe, token_label
from workbench.figures.drawing.lens_cells import Grid, language_words, shortened
from workbench.figures.heatmap import titled
from workbench.figures.printing.styled import styled
from workbench.figures.question import origin

_NEEDED = {
    *("top_token", "probability", "entropy", "rank", "target_probability"),
    *("language", "target", "text", "token"),
}
_AXES = ("prompt", "layer", "position")
_CELL = 24  # height of a cell, in pixels
_LONGEST = 90  # letters of the text under the title
_QUESTIONS = {
    "probability": "What would each layer say next, and how surely?",
    "entropy": "What would each layer say next, and how uncertain is it?",
    "rank": "How far is each layer from saying {target}?",
    "language": "In which language would each layer continue?",
}
COLOURS = tuple(_QUESTIONS)


@styled
def lens_grid(
    result: xr.Dataset,
    *,
    prompt: int | Sequence[int] | None = 0,
    colour: str = "probability",
    title: str | None = None,
) -> go.Figure:
    """Write the token that each layer predicts into a grid, tokens of the text across and layers upwards.

    A token in bold is the one that really follows, or begins the word that is followed. Hover text has the rest:
    probability, entropy, language, the target's rank, and the other candidates where the result has them.

    Args:
        result: what `lens.logit_lens` returned.
        prompt: number of the text; several, or None for all of them, become a menu.
        colour: what the cells' colour means: "probability" of the token, "entropy" of the layer's distribution, "rank"
            of the target (on a logarithmic scale), or "language" of the token.
        title: in place of the question that the figure answers; none when empty.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: another Result, no such text, or another `colour`.

    Example:
        >>> wb.figures.lens_grid(wb.lens.logit_lens(model, "Le chat mange."), colour="rank")     # doctest: +SKIP
    """
    one_of("colour", colour, _QUESTIONS)
    if not is_lens(result):
        raise BadArgument("this draws what lens.logit_lens returns; this is another Result")
    numbers = _numbers(result, prompt)
    grids = [Grid.read(result.isel(prompt=number)) for number in numbers]
    figure = go.Figure()
    names = _categories(grids) if colour == "language" else {}
    owners = []
    for number, grid in enumerate(grids):
        traces = _word_traces(grid, names) if names else [_number_trace(grid, colour)]
        for trace in traces:
            trace.visible = number == 0
        owners += [number] * len(traces)
        figure.add_traces(traces)
    layers = grids[0].cells.layer.values
    width = max(grid.width * len(grid.tokens) for grid in grids)
    height = _CELL * len(layers)
    figure.update_layout(
        xaxis=_across(grids[0]),
        yaxis={
            "title": {"text": "Layer"},
            "showgrid": False,
            "zeroline": False,
            "tickvals": layers.tolist(),
            "ticktext": ["embedding", *map(str, layers[1:-1].tolist()), "output"],
        },
        width=width + 190,
        height=height + style.MARGIN["t"] + style.MARGIN["b"] + 40,
        margin={"l": 96, "r": 94, "b": style.MARGIN["b"] + 20},
    )
    if names:
        figure.update_layout(
            legend={"title": {"text": "Language or script", "font": {"size": 12}}}, margin={"r": 190}, width=width + 286
        )
    else:
        figure.update_layout(coloraxis=_scale(result, numbers, colour, height))
    if len(grids) > 1:
        figure.update_layout(updatemenus=[_menu(grids, owners, _under(result, colour))], margin={"t": 130})
    heading = lens_question(result, colour, numbers[0]) if title is None else title or None
    return titled(figure, heading, _under(result, colour)(grids[0]))


def lens_question(result: xr.Dataset, colour: str, prompt: int = 0) -> str:
    """The question that a grid of a text in one of its colours answers."""
    target = str(result.target.values[prompt][0])
    is_word = _is_word(Grid.read(result.isel(prompt=prompt)))
    return _QUESTIONS[colour].format(target=f"“{token_label(target)}”" if is_word else "what really follows")


def legend_above(figure: Any) -> Any:
    """Put the legend of languages above the grid: beside a wide grid, which scrolls, it would be out of sight."""
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "title": None}
    return figure.update_layout(legend=legend) if figure.data[0].showlegend else figure


def _number_trace(grid: Grid, colour: str) -> go.Heatmap:
    values = grid.cells[colour].values.astype(float)
    z = np.log10(values) if colour == "rank" else values
    return go.Heatmap(z=z, coloraxis="coloraxis", **_shared(grid, grid.labels))


def _word_traces(grid: Grid, names: dict[str, str]) -> list[go.Heatmap]:
    """A trace for each language of the text, so that a click in the legend hides or isolates it."""
    codes = grid.cells.language.values.astype(str)
    return [
        go.Heatmap(
            name=language_words(name),
            showlegend=True,
            hoverongaps=False,
            **single_colour(codes == name, colour),
            **_shared(grid, np.where(codes == name, grid.labels, "")),
        )
        for name, colour in names.items()
        if (codes == name).any()
    ]


def _shared(grid: Grid, text: np.ndarray) -> dict[str, Any]:
    return {
        "x": np.arange(len(grid.tokens)),
        "y": grid.cells.layer.values,
        "text": text,
        "texttemplate": "%{text}",
        "textfont": {"size": 12, "family": style.FONT},
        "hovertext": grid.hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "xgap": 1,
        "ygap": 1,
    }


def _categories(grids: Sequence[Grid]) -> dict[str, str]:
    """Languages, then scripts, then tokens without letters, each with its colour in all texts.

    The commonest have the strongest colours; light ones, so that what is written on them can be read.
    """
    counts = Counter(str(code) for grid in grids for code in grid.cells.language.values.ravel())
    last = [name for name in ("mixed", "unknown") if counts.pop(name, 0)]
    hues = style.LINES[:-1]  # without the grey
    colours = {
        name: _tint(hues[place % len(hues)], 0.6 / (1 + place // len(hues)))
        for place, (name, _) in enumerate(counts.most_common())
    }
    ordered = sorted(colours, key=lambda name: (name[:1].isupper(), name))
    return {**{name: colours[name] for name in ordered}, **dict.fromkeys(last, _tint(style.CATEGORIES["none"], 0.5))}


def _tint(colour: str, share: float) -> str:
    """So much of a colour in white."""
    parts = (round(255 - share * (255 - int(colour[place : place + 2], 16))) for place in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _scale(result: xr.Dataset, numbers: Sequence[int], colour: str, height: int) -> dict[str, Any]:
    """One colour axis for all texts of the menu."""
    scale = colour_axis(result[colour].isel(prompt=list(numbers)), height=height)
    if colour == "probability":
        scale["cmax"] = 1.0
    if colour == "rank":
        most = max(1, int(np.ceil(np.log10(max(10.0, float(result["rank"].isel(prompt=list(numbers)).max()))))))
        scale |= {"cmin": 0, "cmax": most, "colorscale": f"{style.SEQUENTIAL}_r"}
        scale["colorbar"] |= {
            "tickvals": list(range(most + 1)),
            "ticktext": [f"{10**power:,}" for power in range(most + 1)],
        }
    return scale


def _across(grid: Grid) -> dict[str, Any]:
    return {
        "title": {"text": "Tokens of the text"},
        "showgrid": False,
        "zeroline": False,
        "tickvals": list(range(len(grid.tokens))),
        "ticktext": grid.tokens,
        "tickangle": 0,
        "range": [-0.5, len(grid.tokens) - 0.5],
    }


def _menu(grids: Sequence[Grid], owners: list[int], under: Callable[[Grid], str]) -> dict[str, Any]:
    """A menu of the texts: it shows one, with its tokens under it."""
    buttons = [
        {
            "label": shortened(grid, 40),
            "method": "update",
            "args": [
                {"visible": [owner == number for owner in owners]},
                {"xaxis": {**_across(grid), "automargin": True}, "title.subtitle.text": under(grid)},
            ],
        }
        for number, grid in enumerate(grids)
    ]
    return {
        "buttons": buttons,
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "pad": {"b": 8},
        "showactive": True,
        "font": {"family": style.FONT, "size": 12},
    }


def _under(result: xr.Dataset, colour: str) -> Callable[[Grid], str]:
    """The line under the title, of each text."""
    lens = "tuned lens" if result.attrs.get("lens") == "tuned" else "logit lens"
    means = "Colour: " + describe(result[colour].rename(colour))

    def line(grid: Grid) -> str:
        bold = "bold: begins the word" if _is_word(grid) else "bold: what really follows"
        return shortened(grid, _LONGEST) + "<br>" + " · ".join([means, bold, lens, *origin(result)[:1]])

    return line


def _is_word(grid: Grid) -> bool:
    """Whether a word is followed, and not what comes next: after the last token nothing does."""
    return bool(str(grid.cells.target.values[-1]))


def _numbers(result: xr.Dataset, prompt: int | Sequence[int] | None) -> list[int]:
    """Numbers of the texts.

    Raises:
        BadArgument: there is no such text.
    """
    if prompt is None:
        return list(range(result.sizes["prompt"]))
    numbers = [prompt] if isinstance(prompt, int | np.integer) else list(prompt)
    if not numbers or len(set(numbers)) < len(numbers):
        raise BadArgument(f"prompt={numbers!r}; give the number of a text, several different ones, or None for all")
    return [whole_number("prompt", number, at_most=result.sizes["prompt"] - 1, why="the texts") for number in numbers]


def is_lens(result: Any) -> bool:
    """Whether a Result is of `lens.logit_lens`."""
    right = isinstance(result, xr.Dataset) and set(result.variables) >= _NEEDED
    return right and all(result[name].dims == _AXES for name in ("top_token", "entropy", "rank", "language"))
