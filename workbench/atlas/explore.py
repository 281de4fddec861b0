"""The explorer of the atlas: the heads of its models in one page, with a menu, without any weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.arguments import checked
from workbench.atlas.store import chosen
from workbench.figures.explorer.models import model_explorer

_SHOWN = ("heads.importance", "heads.ablate", "heads.kinds", "heads.roles", "neurons.ternary")


@checked
def explorer(models: str | Sequence[str] | None = None, *, folder: str | Path | None = None) -> Any:
    """Put the heads of the atlas's models into one page with a menu of models; it works without network and weights.

    Args:
        models: names in the atlas, in the menu's order; when None all, those with ablated heads first.
        folder: an atlas of one's own; the shipped one where it lacks a model.

    Returns:
        A figure of the first model's heads; its `write_html` writes the page (`wb.figures.model_explorer`).

    Raises:
        BadArgument: no such entry.
        BadResult: an entry is of another format, or a file is damaged.

    Example:
        >>> wb.atlas.explorer().write_html("atlas.html")                                         # doctest: +SKIP
    """
    entries = chosen(models, folder)
    if models is None:  # the page opens on a model with heads
        entries.sort(key=lambda entry: "heads/ablation" not in entry.results)
    shown = {}
    for entry in entries:
        parts = entry.record["results"]
        names = [name for name, part in parts.items() if part["method"] in _SHOWN]
        names.sort(key=lambda name: _SHOWN.index(parts[name]["method"]))
        shown[entry.model] = [entry.load(name) for name in names]
    return model_explorer(shown, title="The heads of the atlas's models in every language")
