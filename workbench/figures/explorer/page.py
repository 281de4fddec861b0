"""The explorer: one figure in Python, one self-contained page on disk, in which a click on a head shows its details."""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import xarray as xr
from plotly.colors import get_colorscale

from workbench.arguments import checked
from workbench.figures.drawing import style
from workbench.figures.explorer.contents import LEAST, ExplorerData, find
from workbench.figures.explorer.parts import head_grid
from workbench.figures.explorer.payload import payload
from workbench.figures.heatmap import heatmap
from workbench.figures.lens_grid import lens_grid
from workbench.figures.pages.offline import offline_page
from workbench.results.files import write_whole

_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("data.js", "grid.js", "patterns.js", "detail.js", "lens.js", "models.js", "main.js")


class Explorer(go.Figure):
    """The heads of a model in every language; a notebook shows the heatmap, `write_html` writes the whole page."""

    def __init__(self, *args: Any, contents: ExplorerData | None = None, title: str = "", **options: Any):
        super().__init__(*args, **options)
        self._contents, self._title = contents, title

    def to_html(self, *args: Any, **options: Any) -> str:
        """The page; with any of plotly's own options, the heatmap alone as plotly writes it."""
        if args or options or self._contents is None:
            return super().to_html(*args, **options)
        return _page(self._contents, self._title)

    def write_html(self, file: str | Path, *args: Any, **options: Any) -> None:
        """Write the page into a file, whole or not at all.

        Raises:
            CannotWrite: the folder is read-only or the disk is full.
        """
        write_whole(file, self.to_html(*args, **options))


@checked
def explorer(*results: xr.Dataset, title: str | None = None) -> Explorer:
    """Put results beside each other: choose a head, a layer, a sentence and two languages.

    The page is one file that needs no network. It shows what the results contain, recognised by their variables:

    - numbers [language, layer, head], as of `heads.importance`, `heads.ablate`, `heads.kinds` and any other score
      of heads (see `heads.HeadScore`): the grid of heads, and the numbers of one head by language with intervals and
      corrected p-values
    - `heads.patterns`: the attention of the head on a sentence in two languages
    - `heads.kinds`: its kind, the one of previous, first, current and same token and induction that it attends to
      furthest above even attention, by 0.1 of its attention at least
    - `heads.roles`: its role among the languages
    - `neurons.ternary`: a layer's neurons by class, with their languages
    - `lens.logit_lens`: what every layer would predict after each token of its sentences

    What is missing is left out, and a line says which call gives it. Other results are ignored. Patterns are rounded
    to 1/255.

    Args:
        *results: what analyses returned, or `load_result` read; in any order.
        title: of the page.

    Returns:
        The heatmap of all heads as a figure; `write_html(path)` and `to_html()` give the page.

    Raises:
        BadArgument: no result that it shows, something that is no Result, or results of two models.

    Example:
        >>> scores, looks = wb.heads.importance(model, corpus), wb.heads.patterns(model, corpus)   # doctest: +SKIP
        >>> wb.figures.explorer(scores, looks).write_html("explorer.html")                         # doctest: +SKIP
    """
    contents = find(results)
    title = title or default_title(contents, dict(contents.origin).get("model", "a model"))
    return Explorer(notebook_figure(contents, title), contents=contents, title=title)


def notebook_figure(contents: ExplorerData, title: str) -> go.Figure:
    """The figure that a notebook shows: the heatmap of all heads, else what the results have instead."""
    if contents.measures:
        return head_grid(contents.measures[0].result, contents.measures[0].name)
    if contents.roles is not None:
        return heatmap(contents.roles, "role")
    if contents.classes is not None:
        return heatmap(contents.classes, "kind")
    if contents.lens is not None:
        return lens_grid(contents.lens)
    return go.Figure(layout={"template": style.LIGHT, "title": {"text": escape(title)}})


def default_title(contents: ExplorerData, model: str) -> str:
    """The title of the page, with the model in words."""
    if contents.only_lens:
        return f"What every layer of {model} would predict"
    return f"The heads of {model} in every language"


def end_notes(contents: ExplorerData) -> list[str]:
    """The lines at the end of the page: what is missing, and explanations."""
    notes = [*contents.notes]
    if contents.kinds is not None:
        notes.append(
            "Kind: what a head attends to furthest above even attention over all tokens so far, by at least "
            f"{LEAST:.2f} of its attention, in the mean over the texts of the language."
        )
    if contents.patterns is not None:
        notes.append("Attention is rounded to 1/255; the result file has it in full.")
    return notes


def _page(contents: ExplorerData, title: str) -> str:
    notes = "".join(f"<p>{escape(note)}</p>" for note in end_notes(contents))
    return explorer_page(payload(contents), title=title, about=contents.origin, notes=notes)


def explorer_page(
    data: Any,
    *,
    title: str,
    about: Iterable[tuple[str, str]] = (),
    notes: str = "",
    menu: str = "",
    blocks: Mapping[str, Any] | None = None,
) -> str:
    """The page of an explorer, from its data and the HTML of its places; see `offline_page`."""
    scale = ", ".join(colour for _, colour in get_colorscale(style.SEQUENTIAL))
    return offline_page(
        _ASSETS,
        _SCRIPTS,
        data,
        title=title,
        about=about,
        skip_to=("grid-box", "the heads"),
        blocks=blocks,
        menu=menu,
        notes=notes,
        scale=f"linear-gradient(to right, {scale})",
    )
