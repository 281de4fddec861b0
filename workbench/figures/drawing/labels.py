"""Words for values and axes: language names in two scripts, tokens that show their spaces, titles with units."""

import re
import unicodedata
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import WorkbenchError
from workbench.text import languages

_AXES = {  # titles of axes that say more than their names
    "language_a": "Language",
    "language_b": "Other language",
    "kind": "Class",
    "group": "Group switched off",
    "removed": "Heads removed",
    "query": "Query position",
    "key": "Key position",
}
_RIGHT_TO_LEFT = ("Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm")
_NAMED_AFTER_LANGUAGES = ("group", "circuit", "other", "language_a", "language_b")  # often each a language


def is_language(dim: str) -> bool:
    """True for the axes whose coordinates are language codes."""
    return dim == "language" or dim.endswith("_language")


def language_order(dim: str, names: list[str]) -> list[int]:
    """Indices that put languages in the one order of all figures, by code; groups of no language come after them."""
    if is_language(dim):
        return sorted(range(len(names)), key=lambda index: names[index])
    if dim in _NAMED_AFTER_LANGUAGES:
        return sorted(range(len(names)), key=lambda index: names[index] if _is_code(names[index]) else "~")
    return list(range(len(names)))


def _is_code(name: str) -> bool:
    """Whether a group is named after a language: only two letters, because longer codes are often words."""
    return len(name) == 2 and languages.known(name)


def escape(text: Any) -> str:
    """Text that plotly draws as it is: plotly reads tags such as <s> and <b>, which may be tokens."""
    plain = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("\r", "␍").replace("\n", "↵").replace("\t", "⇥")


def value_label(dim: str, value: Any, *, short: bool = False) -> str:
    """A coordinate in words: `de` becomes "German · Deutsch", or "German" where space is short.

    A planted language, which no registry knows, keeps its own name.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and (is_language(dim) or (dim in _NAMED_AFTER_LANGUAGES and _is_code(value))):
        try:
            return escape(languages.name(value) if short else languages.label(value))
        except WorkbenchError:
            return escape(value)
    return escape(value)


def direction(code: str) -> tuple[bool, str]:
    """Whether a language runs from right to left, and its tag in HTML; none for planted languages."""
    try:
        return languages.script(code) in _RIGHT_TO_LEFT, code
    except WorkbenchError:
        return False, ""


def short_name(name: Any) -> str:
    """A model or corpus without the folders or the owner before its name."""
    text = str(name)
    return text if text.startswith("hf:") else re.split(r"[/\\]", text.rstrip("/\\"))[-1] or text


def token_label(token: Any, *, most: int = 14) -> str:
    """A token with its spaces made visible, cut to 14 characters; right-to-left ones keep their marks beside them."""
    text = str(token)
    text = text if len(text) <= most else text[: most - 1] + "…"
    shown = escape(text.replace(" ", "␣")) or "∅"
    leftwards = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return f"\u2067{shown}\u2069" if leftwards else shown


def quoted(token: Any) -> str:
    """A token in quotes, isolated from the writing direction of the text around it."""
    return f"\u2068“{token_label(token, most=24)}”\u2069"


def letters_wide(text: str) -> int:
    """The width of a text in Latin letters: Chinese, Japanese and Korean characters take two, marks none."""
    return sum(
        0 if unicodedata.category(letter) in ("Mn", "Cf") else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def axis_title(array: xr.DataArray, dim: str) -> str:
    """Title of an axis: the coordinate's own `long_name` and `units` where it has them."""
    attrs = array[dim].attrs if dim in array.coords else {}
    name = attrs.get("long_name") or _AXES.get(dim, dim.replace("_", " ").capitalize())
    return escape(with_units(str(name), attrs.get("units")))


def with_units(name: str, units: Any) -> str:
    """`name [units]`, or the name alone where there is no unit or the name has it."""
    return f"{name} [{units}]" if units and str(units) not in name.split() else name


def describe(array: xr.DataArray) -> str:
    """What the numbers are, with their unit: "rise of NLL without the head [nats]"."""
    name = array.attrs.get("long_name") or str(array.name).replace("_", " ")
    return escape(with_units(str(name), array.attrs.get("units")))


def value_line(array: xr.DataArray, shown: str) -> str:
    """Hover text of a value, with its unit where the name does not have it: "delta 0.3 nats"."""
    units = array.attrs.get("units", "")
    return f"{array.name} {shown} {'' if units == array.name else units}".rstrip()
