"""What a result file can store: checked when a Result is made, so that saving never loses a computation."""

import re
from typing import Any

import numpy as np

from workbench.errors import BadArgument

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
_NUL, _BROKEN = "\u2400", "\ufffd"  # SYMBOL FOR NULL; REPLACEMENT CHARACTER, for a lone surrogate
_LARGEST = 2**63


def writable(text: str) -> str:
    """Text that UTF-8 can encode: NUL and lone surrogates become replacement symbols."""
    return _UNWRITABLE.sub(lambda match: _NUL if match[0] == "\0" else _BROKEN, text)


def writable_values(name: str, values: np.ndarray) -> np.ndarray:
    """Values that a file can store: numbers, booleans and text.

    Raises:
        BadArgument: anything else; names the variable.
    """
    if values.dtype.kind not in "biufUOT":
        raise BadArgument(f"{name!r} is of type {values.dtype}; a result holds numbers, booleans and text")
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind == "O" and not all(isinstance(value, str) for value in values.flat):
        raise BadArgument(f"{name!r} holds objects that are not text; a result holds numbers, booleans and text")
    if not any(_UNWRITABLE.search(text) for text in values.flat):
        return values
    swapped = [writable(str(text)) for text in values.flat]
    return np.array([*swapped, None], dtype=object)[:-1].reshape(values.shape)


def check_name(name: Any) -> None:
    """Reject a name of a variable or an axis that a file cannot store.

    Raises:
        BadArgument: names it.
    """
    if not isinstance(name, str) or not name.strip() or "/" in name or name.startswith(".") or _UNWRITABLE.search(name):
        raise BadArgument(f"{name!r} is no name for a variable or an axis; give a text without '/', such as 'head'")


def writable_attribute(name: str, value: Any) -> str | int | float:
    """An attribute that a file can store.

    Raises:
        BadArgument: not text or a number, or a number of more than 64 bits.
    """
    check_name(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadArgument(f"attribute {name!r} is {type(value).__name__}; an attribute is text or a number")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise BadArgument(f"attribute {name!r} is {value}, which takes more than 64 bits; give it as text")
    return writable(value) if isinstance(value, str) else value
