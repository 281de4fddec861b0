"""How messages name what a file holds: in a line that stays short, whatever the file holds."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

_NAMED = 12  # names that a message lists
_LETTERS = 80  # of each

_reader = reprlib.Repr()
_reader.maxstring = _reader.maxother = _reader.maxlong = _LETTERS
_reader.maxlevel = 3


def shortened(names: Mapping[str, Any] | Sequence[Any]) -> str:
    """The first names of many, in one line."""
    each = ["".join(filter(str.isprintable, str(one)))[:_LETTERS] for one in list(names)[:_NAMED]]
    return ", ".join(each) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def quoted(value: Any) -> str:
    """A value as Python writes it, of a long or nested one the beginning."""
    return _reader.repr(value)
