"""Words: a few sentences on the numbers of one head, which screen readers also read."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from workbench.figures.drawing.labels import value_label
from workbench.figures.explorer.contents import KINDS, ExplorerData, kind_of
from workbench.live.reading import Reading
from workbench.text.display.words import percent

_PLACES = {
    "previous": "the token before",
    "first": "the first token",
    "current": "the token itself",
}


def describe(
    data: ExplorerData,
    measures: Sequence[tuple[xr.Dataset, str]],
    readings: Mapping[str, Reading],
    *,
    layer: int,
    head: int,
    language: str,
) -> str:
    """A few sentences on one head.

    Args:
        data: the results.
        measures: results and variables [language, layer, head] whose value and rank are given.
        readings: of the texts shown, by the name of the text.
        layer: of the head.
        head: its number.
        language: of which the results are read.

    Returns:
        Where it attends in each text, its role and kind, and its rank among all heads by each measure.
    """
    parts = [f"Layer {layer}, head {head}."]
    parts += [_attends(name, reading.habits.isel(layer=layer, head=head)) for name, reading in readings.items()]
    if data.roles is not None:
        parts.append(_role(data.roles.sel(layer=layer, head=head)))
    if data.kinds is not None and language in data.kinds["language"]:
        parts.append(_kind(data.kinds.sel(layer=[layer], head=[head], language=[language])))
    parts += [_rank(result, name, layer, head, language) for result, name in measures]
    return " ".join(filter(None, parts))


def _attends(name: str, habits: xr.Dataset) -> str:
    """Where most of the attention goes, of three places."""
    place = max(_PLACES, key=lambda candidate: float(habits[candidate]))
    return f"{name.capitalize()}: {percent(float(habits[place]))} of its attention goes to {_PLACES[place]}."


def _role(cell: xr.Dataset) -> str:
    codes = cell["language"].values[cell.member.values.astype(bool)] if "member" in cell else []
    names = [value_label("language", code, short=True) for code in codes]
    return f"Role: {cell.role.item()}" + (f" ({', '.join(names)})." if names else ".")


def _kind(cell: xr.Dataset) -> str:
    kind, share = (array.item() for array in kind_of(cell))
    return f"Kind: {KINDS[kind]}, {percent(share)} over the corpus." if kind >= 0 else "Kind: none over the corpus."


def _rank(result: xr.Dataset, variable: str, layer: int, head: int, language: str) -> str:
    """The value in a language, and its rank among the heads."""
    if language not in result["language"]:
        return ""
    values = result[variable].sel(language=language).transpose("layer", "head").values
    value = values[layer, head]
    if not np.isfinite(value):
        return ""
    about = result[variable].attrs
    number = f"{value:.3g} {about.get('units', '')}".rstrip()
    place = f"rank {1 + int((values > value).sum())} of {int(np.isfinite(values).sum())} heads"
    name = about.get("long_name", variable.replace("_", " "))
    return f"{value_label('language', language, short=True)}, {name}: {number}, {place}."
