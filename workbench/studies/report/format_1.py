"""Reports of older workbenches, whose findings are one text and whose figures have their questions as titles."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z0-9])")
_HEAD = re.compile(r"\bhead (\d{1,9}) of layer (\d{1,9})\b", re.IGNORECASE)


def from_format_1(record: Mapping[str, Any]) -> dict[str, Any]:
    """A checked record of format 1 as one of format 2."""
    return {**record, "sections": [_section(section) for section in record["sections"]]}


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    answer, *details = _SENTENCE.split(section["finding"])
    heads = [[int(layer), int(head)] for head, layer in _HEAD.findall(section["finding"])]
    finding = {"answer": answer, "details": details, "heads": heads}
    return {**section, "finding": finding, "figure": _figure(section["figure"], section["title"])}


def _figure(figure: dict[str, Any] | None, question: str) -> dict[str, Any] | None:
    """A figure without the title that its section's heading repeats; the line under the title becomes its note."""
    layout = figure.get("layout", {}) if figure else {}
    title, meta = layout.get("title"), layout.get("meta")
    if not isinstance(title, dict) or _plain(title.get("text"), " ") != question:
        return figure
    under = title.get("subtitle")
    note = _plain(under.get("text"), " · ") if isinstance(under, dict) else ""
    meta = {**(meta if isinstance(meta, dict) else {}), "note": note}
    return {
        **(figure or {}),
        "layout": {**{name: part for name, part in layout.items() if name != "title"}, "meta": meta},
    }


def _plain(text: Any, between: str) -> str:
    """A text of plotly as plain text, its lines joined."""
    return unescape(str(text or "").replace("<br>", between))
