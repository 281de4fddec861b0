"""Tables without a header, such as MGSM: how to detect them, and advice to make them readable."""

import re
from collections.abc import Collection

_NUMBER = re.compile(r"[-+]?[\d.,\s%$€]*\d[\d.,\s%$€]*")
_ENDS = tuple(".?!…。？！।؟۔።")  # ends of a sentence
_WORDS = 6  # words from which on a cell is a sentence
_LETTERS = 40  # letters above which a cell is a sentence, for scripts without spaces
_SHOWN = 30


def looks_headless(header: Collection[str]) -> bool:
    """Whether the first line of a table looks like a row: it has a sentence or a number."""
    return any(
        _NUMBER.fullmatch(cell.strip())
        or cell.strip().endswith(_ENDS)
        or len(cell.split()) >= _WORDS
        or len(cell) > _LETTERS
        for cell in map(str, header)
    )


def advice(header: Collection[str], text: str, *, in_file: bool = True) -> str:
    """The problem with such a table and its solution, to follow its name in a message.

    Args:
        header: its first line.
        text: name for a column of texts: "text", or their language.
        in_file: whether it is a file; a table in memory has columns but no lines.
    """
    first = ", ".join(repr(cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}...") for cell in map(str, header))
    names = [text, *(("answer",) if len(header) == 2 else (f"other{i}" for i in range(1, len(header))))]
    if not in_file:
        such = " and ".join(map(repr, names))
        return (
            f"the names of its columns look like a row ({first}); name the columns, such as {such}, and make "
            "these names a row; where they are names, columns= says which column has the texts"
        )
    return (
        f"its first line looks like a row and not like a header ({first}); write a line with the columns' names "
        f"before it, such as {' and '.join(map(repr, names))}, or give pandas.read_csv(path, names={names}), with "
        "sep='\\t' for a TSV; where it is a header, columns= says which column has the texts"
    )
