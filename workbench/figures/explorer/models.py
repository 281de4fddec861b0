"""The explorer of several models: one self-contained page with a menu of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from workbench.arguments import expect, shown
from workbench.errors import BadArgument
from workbench.figures.explorer.contents import ExplorerData, find
from workbench.figures.explorer.page import Explorer, default_title, end_notes, explorer_page, notebook_figure
from workbench.figures.explorer.payload import payload

_MENU = '<p class="models"><label>Model <select id="model"></select></label></p>\n'


class ModelExplorer(Explorer):
    """The heads of several models; a notebook shows the first one's heatmap, `write_html` writes the whole page."""

    def __init__(self, *args: Any, models: Mapping[str, ExplorerData] | None = None, title: str = "", **options: Any):
        alone = next(iter(models.values())) if models and len(models) == 1 else None
        super().__init__(*args, contents=alone, title=title, **options)
        self._models = dict(models or {})

    def to_html(self, *args: Any, **options: Any) -> str:
        """The page; with any of plotly's own options, the first model's heatmap alone as plotly writes it."""
        if args or options or len(self._models) < 2:
            return super().to_html(*args, **options)
        return _page(self._models, self._title)


def model_explorer(results: Mapping[str, Sequence[xr.Dataset]], *, title: str | None = None) -> ModelExplorer:
    """Put the results of several models into one page with a menu "Model".

    The page of each model is that of `explorer`, with the same languages, layers and heads selected where a model has
    them, else the nearest layer and head. The chosen model is in the address (`#model=...`), so that a link opens it.
    The page is one file that needs no network; the data of a model are unpacked when it is chosen. With one model it is
    the page of `explorer`, without a menu.

    Args:
        results: the name of each model in the menu, and the results of that model in any order, as `explorer` takes
            them.
        title: of the page.

    Returns:
        The heatmap of the first model's heads as a figure; `write_html(path)` and `to_html()` give the page.

    Raises:
        BadArgument: no models, a name that is no text, or results that `explorer` refuses; the message names the model.

    Example:
        >>> results = {name: [wb.load_result(f"runs/{name}/importance.nc")] for name in ("a", "b")}  # doctest: +SKIP
        >>> wb.figures.model_explorer(results).write_html("models.html")                           # doctest: +SKIP
    """
    title = expect("title", title, str | None)
    models = _recognised(results)
    title = title or _title([*models.values()])
    return ModelExplorer(notebook_figure(next(iter(models.values())), title), models=models, title=title)


def _title(models: Sequence[ExplorerData]) -> str:
    """The title of the page; of sentences where no model has anything else."""
    most = next((contents for contents in models if not contents.only_lens), models[0])
    name = dict(most.origin).get("model", "a model")
    return default_title(most, name if len(models) == 1 else f"{len(models)} models")


def _recognised(results: Any) -> dict[str, ExplorerData]:
    """What the results of each model have, or an error that names the model."""
    if not isinstance(results, Mapping) or hasattr(results, "data_vars"):
        raise BadArgument(f"results={shown(results)}; give a dict: names of models, and a list of results of each")
    if not results:
        raise BadArgument("results={}; give the results of one model at least: {name: [result, ...]}")
    models = {}
    for name, those in results.items():
        if not isinstance(name, str) or not name.strip():
            raise BadArgument(f"results has the key {shown(name)}; a key is the name of a model, a text")
        place = f"results[{shown(name)}]"
        expect(place, those, Sequence[Any])
        for number, result in enumerate(those):
            expect(f"{place}[{number}]", result, xr.Dataset)
        try:
            models[name] = find([*those])
        except BadArgument as error:
            raise BadArgument(f"{place}: {error}") from error
    return models


def _page(models: Mapping[str, ExplorerData], title: str) -> str:
    """A page with a block of data for each model, and the lines about it and its notes inside."""
    blocks = {
        f"model-{number}": {**payload(contents), "about": contents.origin, "notes": end_notes(contents)}
        for number, contents in enumerate(models.values())
    }
    names = [{"name": name, "block": block} for name, block in zip(models, blocks, strict=True)]
    return explorer_page({"models": names}, title=title, menu=_MENU, blocks=blocks)
