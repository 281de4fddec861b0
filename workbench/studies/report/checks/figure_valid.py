"""Figures of a `report.json`: pictures are inside the file, and nothing is fetched when they are drawn."""

import math
import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import BadResult

_PIXELS = 20_000
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_STYLED = re.compile(r"<[^>]*\burl\s*\(", re.IGNORECASE)  # an HTML tag in a text whose style has an address
_MAPPED = re.compile(r"choropleth.*|.*(geo|map|mapbox)")  # kinds of figures that fetch maps
_KINDS = ("heatmap",)  # and those whose names match but fetch none
_PLACES = re.compile(r"(geo|map|mapbox)\d*")  # parts of a layout that do


def check_figure(figure: Any, where: str) -> None:
    """Refuse what is not a figure, would fetch something, or has a size that cannot be drawn.

    Raises:
        BadResult: names the part.
    """
    if figure is None:
        return
    right = isinstance(figure, dict) and set(figure) <= {"data", "layout", "frames"}
    require(right and isinstance(figure.get("data"), list), where, "an object with data, layout and frames")
    frames = figure.get("frames") or []
    right = isinstance(frames, list) and all(isinstance(frame, dict) for frame in frames)
    require(right, f"frames of the {where}", "a list of objects")
    for part in (figure, *frames):
        layout, traces = part.get("layout", {}), part.get("data", [])
        require(isinstance(layout, dict), f"layout of the {where}", "an object")
        require(isinstance(traces, list), f"data of the {where}", "a list")
        _check_layout(layout, where)
        for trace in traces:
            kind = trace.get("type", "scatter") if isinstance(trace, dict) else None
            fine = isinstance(kind, str) and (kind in _KINDS or not _MAPPED.fullmatch(kind))
            require(fine, f"data of the {where}", "a list of traces that need no map")
    _check_addresses(figure, where)


def require(right: bool, what: str, wanted: str) -> None:
    """Refuse a part of a report.

    Raises:
        BadResult: where it is not right.
    """
    if not right:
        raise BadResult(f"{what} is not {wanted}")


def _check_layout(layout: Mapping[str, Any], where: str) -> None:
    require(not any(map(_PLACES.fullmatch, layout)), f"layout of the {where}", "without maps")
    meta = layout.get("meta")
    sizes = {name: layout.get(name) for name in ("width", "height")}
    sizes["least_width"] = meta.get("least_width") if isinstance(meta, dict) else None
    for name, size in sizes.items():
        number = isinstance(size, int | float) and not isinstance(size, bool) and math.isfinite(size)
        right = size is None or (number and 0 < size <= _PIXELS)
        require(right, f"{name} of the {where}", f"a number of pixels up to {_PIXELS}")


def _check_addresses(figure: Mapping[str, Any], where: str) -> None:
    """Every text that plotly takes for an address is a picture within the file."""
    waiting: list[tuple[str, Any]] = [("", figure)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(key, part) for part in value if isinstance(part, dict | list | str)]
        elif isinstance(value, str):
            address = key in ("source", "href", "geojson") or key.lower().endswith(("src", "url"))
            fine = not address or value == "" or _PICTURE.fullmatch(value)
            require(bool(fine), f"{key} in the {where}", "a picture within the file (data:image/...;base64)")
            require(not _STYLED.search(value), f"{key[:80]!r} in the {where}", "a text without addresses in its style")
