"""Words for sentences: languages by name, heads by place, numbers with three figures, lists."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.text import languages
from workbench.text.display.safe import plain_line


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
    """Three significant figures without an exponent: 7,120; 0.0000123; exponents only below a millionth."""
    rounded = float(f"{float(value):.3g}")
    if 1000 <= abs(rounded) < 1e12:
        return f"{rounded:,.0f}"
    return np.format_float_positional(rounded, trim="-") if 1e-6 <= abs(rounded) < 1e-4 else f"{rounded:.3g}"


def chance(p: float) -> str:
    """A p-value: "p 0.04", "p < 0.001"."""
    return "p < 0.001" if float(p) < 0.001 else f"p {number(p)}"


def percent(share: float) -> str:
    """A share as "41.2 %"; "< 0.1 %" of less than a thousandth that is not zero."""
    return "< 0.1 %" if 0 < float(share) < 0.001 else f"{100 * float(share):.3g} %"


def count(n: int, what: str) -> str:
    """Such as: 1 head, 2 heads, 7,120 neurons."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def expected(amount: float) -> str:
    """Such as: chance gives about 2.4."""
    return f"chance gives about {float(amount):.2g}"


def written(text: str) -> str:
    """A text that a model read or wrote, in one line of up to 300 characters, with its line breaks as ↵."""
    return plain_line(str(text).replace("\n", "↵ "), most=300)


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
