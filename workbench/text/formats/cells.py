"""Cells of a column: whether they can be texts, their script, and whether they are clearly something else."""

import re
import unicodedata
from numbers import Number
from typing import Any

from workbench.text.languages import script

# Labels: answers, and names of data set parts.
_WORDS = "true false yes no y n none null nan t f train test dev devtest valid validation"
LABELS = frozenset(_WORDS.split())
_UNICODE: dict[str, tuple[str, ...]] = {"Jpan": ("HIRAGANA", "KATAKANA", "CJK"), "Hans": ("CJK",), "Hant": ("CJK",)}
_UNICODE |= {"Kore": ("HANGUL", "CJK"), "Laoo": ("LAO",), "Cans": ("CANADIAN",), "Guru": ("GURMUKHI",)}
_UNICODE |= {"Latn": ("LATIN",), "Hebr": ("HEBREW",), "Mymr": ("MYANMAR",), "Ethi": ("ETHIOPIC",), "Orya": ("ORIYA",)}
_UNICODE |= {"Sinh": ("SINHALA",), "Beng": ("BENGALI",), "Cyrl": ("CYRILLIC",), "Telu": ("TELUGU",)}
_UNICODE |= {"Deva": ("DEVANAGARI",), "Arab": ("ARABIC",), "Taml": ("TAMIL",), "Grek": ("GREEK",), "Thai": ("THAI",)}
_UNICODE |= {"Armn": ("ARMENIAN",), "Geor": ("GEORGIAN",), "Khmr": ("KHMER",), "Tibt": ("TIBETAN",)}
_UNICODE |= {"Gujr": ("GUJARATI",), "Knda": ("KANNADA",), "Mlym": ("MALAYALAM",)}
_TWO_SCRIPTS = ("sr", "srp", "kk", "kaz", "tt", "tat")  # also written in Latin letters by their speakers
_READ = 200  # rows examined
_NAME_INSIDE = re.compile(r"\w[./\\:@_]+\w")  # separators inside a file name, a DOI or an address
_ENDS = tuple(".?!…。？！।؟")


def clearly_none(code: str, cells: list[Any], *, copied: bool) -> str:
    """The reason why cells next to a column of sentences cannot be texts in a language; empty if they may be.

    Args:
        code: code of the language.
        cells: cells of the column.
        copied: whether they repeat another column whose header is more likely a language.
    """
    present = texts(cells)
    others = any(cell is not None and not isinstance(cell, str) for cell in cells)  # reported as an error later
    if len(present) < 2 or others or not lettered(cells) or own_script(code, cells):
        return ""
    if copied:
        return "it repeats another column"
    if any(" " in cell.strip() for cell in present):
        return ""
    if numbered(cells) or all(_NAME_INSIDE.search(cell) for cell in present):
        return "its cells are identifiers or numbers"
    if strange := foreign(code, cells):
        return strange
    few = len(present) > 2 and distinct(present) <= 0.5
    if few or all(cell.strip().lower() in LABELS or len(cell.strip()) == 1 for cell in present):
        return "its cells are labels"
    return ""


def is_prose(code: str, cells: list[Any]) -> bool:
    """Whether at least half of the cells are more than a word, or most letters are in the language's own script."""
    present = texts(cells)
    long = sum(" " in cell.strip() or cell.strip().endswith(_ENDS) for cell in present)
    return bool(present) and (2 * long >= len(present) or (bool(code) and own_script(code, cells)))


def foreign(code: str, cells: list[Any] | None = None) -> str:
    """A reason if no letter is in the language's script; without cells, if that script is not Latin."""
    spelled = _UNICODE.get(script(code), ("LATIN",))
    if spelled == ("LATIN",):
        return ""
    if cells is not None:
        letters = [character for cell in texts(cells) for character in cell if character.isalpha()]
        right = any(unicodedata.name(character, "").startswith(spelled) for character in letters)
        if right or not letters or code.lower() in _TWO_SCRIPTS:
            return ""
    return f"its letters are not {spelled[0].replace('CJK', 'Han').capitalize()}"


def texts(cells: list[Any]) -> list[str]:
    """The first cells that are strings."""
    return [cell for cell in cells[:_READ] if isinstance(cell, str)]


def lettered(cells: list[Any]) -> bool:
    """Whether cells may be texts: not all are numbers. A cell of another type is reported as an error later."""
    present = [cell for cell in cells if cell is not None]
    numbers = [cell for cell in present if isinstance(cell, Number)]
    words = [cell for cell in present if isinstance(cell, str)]
    lettered = any(character.isalpha() for cell in words for character in cell)
    return lettered or not present or len(numbers) + len(words) < len(present)


def numbered(cells: list[Any]) -> bool:
    """Whether the cells are numbers or identifiers: no letters, or a digit and no space in each."""
    present = texts(cells)
    each = all(any(character.isdigit() for character in cell) and " " not in cell for cell in present)
    return not lettered(cells) or (bool(present) and each)


def own_script(code: str, cells: list[Any]) -> bool:
    """Whether most letters are in the script of the language, which is not Latin."""
    spelled = _UNICODE.get(script(code), ("LATIN",))
    letters = [character for cell in texts(cells) for character in cell if character.isalpha()]
    right = sum(unicodedata.name(character, "").startswith(spelled) for character in letters)
    return spelled != ("LATIN",) and right * 2 > len(letters)


def spaced(cells: list[str]) -> float:
    """Share of cells with more than one word."""
    return sum(" " in cell.strip() for cell in cells) / max(len(cells), 1)


def digits(cells: list[str]) -> float:
    """Share of digits among letters and digits."""
    plain = [character for cell in cells for character in cell if character.isalnum()]
    return sum(not character.isalpha() for character in plain) / max(len(plain), 1)


def distinct(cells: list[str]) -> float:
    """Share of distinct cells."""
    return len(set(cells)) / max(len(cells), 1)


def overlap(cells: list[Any], others: list[Any]) -> float:
    """Mean share of words that two columns have in common, row by row."""
    shares = []
    for cell, other in zip(cells[:_READ], others[:_READ], strict=False):
        if isinstance(cell, str) and isinstance(other, str):
            left, right = set(cell.lower().split()), set(other.lower().split())
            shares.append(len(left & right) / max(len(left | right), 1))
    return sum(shares) / max(len(shares), 1)
