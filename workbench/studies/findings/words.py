"""Words for the sentences: languages by name, heads by place, numbers with three figures."""

from collections.abc import Iterable
from typing import Any

from workbench.errors import WorkbenchError
from workbench.text import languages


def language(code: Any) -> str:
    """English name of a language; a planted language keeps its own."""
    try:
        return languages.name(str(code))
    except WorkbenchError:
        return str(code)


def place(layer: int, head: int) -> str:
    """Such as: head 3 of layer 0."""
    return f"head {head} of layer {layer}"


def number(value: float) -> str:
    """Three significant figures."""
    return f"{float(value):.3g}"


def percent(share: float) -> str:
    """A share as "41.2 %"."""
    return f"{100 * float(share):.3g} %"


def count(n: int, what: str) -> str:
    """Such as: 1 head, 2 heads."""
    return f"{n} {what}" + ("" if n == 1 else "s")


def several(amount: str, limit: int) -> str:
    """An amount for two or more languages but fewer than `limit`, such as "3 for two or three, "; empty for limit 2."""
    words = {3: "two", 4: "two or three"}.get(limit, f"2 to {limit - 1}")
    return f"{amount} for {words}, " if limit > 2 else ""


def listed(words: Iterable[str]) -> str:
    """Such as: a, b and c; "none" of nothing."""
    words = list(words)
    if len(words) < 2:
        return words[0] if words else "none"
    return f"{', '.join(words[:-1])} and {words[-1]}"
