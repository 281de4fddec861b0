"""Text from files of others, made safe to show: nothing in it is obeyed, and its direction of writing ends with it."""

import unicodedata
from html import escape
from typing import Any

_JOINERS = "\u200c\u200d"  # which Persian, Hindi and others are spelled with
_OPEN, _CLOSE = "\u2068", "\u2069"  # first strong isolate, and its end


def plain_line(text: Any, *, most: int = 60) -> str:
    """A text on one line of a terminal, its end cut off past `most` characters.

    Control characters and overrides of the writing direction are spelled out; what is written from right to left is
    isolated, so that it moves nothing beside it.
    """
    line = _obeyed_by_none(text, most)
    leftwards = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in line)
    return f"{_OPEN}{line}{_CLOSE}" if leftwards else line


def html_line(text: Any, *, most: int = 200) -> str:
    """A text in HTML, escaped, isolated in its direction of writing, its end cut off past `most` characters."""
    return f"<bdi>{escape(_obeyed_by_none(text, most))}</bdi>"


def columns_wide(text: str) -> int:
    """How many columns of a terminal a text takes: two for an East Asian letter, none for a mark on another letter."""
    wide = {"W": 2, "F": 2}
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Me", "Cf") else wide.get(unicodedata.east_asian_width(letter), 1)
        for letter in text
    )


def _obeyed_by_none(text: Any, most: int) -> str:
    """A text on one line, white space as single spaces, without a character that a terminal or a browser obeys."""
    line = " ".join(str(text).split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    return "".join(one if one.isprintable() or one in _JOINERS else _spelled(one) for one in line)


def _spelled(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
