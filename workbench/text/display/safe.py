"""Make untrusted text safe to display: control characters are escaped, its writing direction is isolated."""

import unicodedata
from html import escape
from typing import Any

_JOINERS = "\u200c\u200d"  # used in the spelling of Persian, Hindi and others
_OPEN, _CLOSE = "\u2068", "\u2069"  # first strong isolate, pop directional isolate


def plain_line(text: Any, *, most: int = 60) -> str:
    """A text as one line for a terminal, cut to `most` characters.

    Control characters and direction overrides are escaped; right-to-left text is isolated, so that it does not reorder
    its neighbours.
    """
    line = _without_controls(text, most)
    leftwards = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in line)
    return f"{_OPEN}{line}{_CLOSE}" if leftwards else line


def html_line(text: Any, *, most: int = 200) -> str:
    """A text as HTML, escaped, isolated in its writing direction, cut to `most` characters."""
    return f"<bdi>{escape(_without_controls(text, most))}</bdi>"


def columns_wide(text: str) -> int:
    """Width of a text in terminal columns: two for an East Asian wide letter, none for a combining mark."""
    wide = {"W": 2, "F": 2}
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me", "Cf") else wide.get(unicodedata.east_asian_width(letter), 1)
        for letter in text
    )


def _without_controls(text: Any, most: int) -> str:
    """A text on one line, with single spaces, characters that a terminal or a browser would execute escaped."""
    line = " ".join(str(text).split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    return "".join(letter if letter.isprintable() or letter in _JOINERS else _escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
