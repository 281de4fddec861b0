"""Names and values in messages, shortened to one line."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

_NAMED = 12  # most names in a message
_LETTERS = 80  # most characters of each

_reader = reprlib.Repr()
_reader.maxstring = _reader.maxother = _reader.maxlong = _LETTERS
_reader.maxlevel = 3


def shortened(names: Mapping[str, Any] | Sequence[Any]) -> str:
    """The first names, in one line, with a count of the rest."""
    each = ["".join(filter(str.isprintable, str(name)))[:_LETTERS] for name in list(names)[:_NAMED]]
    return ", ".join(each) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def quoted(value: Any) -> str:
    """The repr of a value, shortened if long or nested."""
    return _reader.repr(value)
