"""Tables without a header, as MGSM publishes its questions: how to tell, and what would make them readable."""

import re
from collections.abc import Collection

_NUMBER = re.compile(r"[-+]?[\d.,\s%$€]*\d[\d.,\s%$€]*")
_ENDS = tuple(".?!…。？！।؟۔።")  # of a sentence
_WORDS = 6  # that a header hardly has
_LETTERS = 40  # nor so many letters, in scripts without spaces
_SHOWN = 30


def looks_headless(header: Collection[str]) -> bool:
    """Whether the first line of a table looks like one of its rows: a sentence or a number stands in it."""
    return any(
        _NUMBER.fullmatch(cell.strip())
        or cell.strip().endswith(_ENDS)
        or len(cell.split()) >= _WORDS
        or len(cell) > _LETTERS
        for cell in map(str, header)
    )


def advice(header: Collection[str], text: str, *, in_file: bool = True) -> str:
    """What is wrong with such a table and what would work, to follow its name in a message.

    Args:
        header: its first line.
        text: what a column of texts is called: "text", or the language that they are in.
        in_file: whether it stands in a file; what is in memory has columns and no lines.
    """
    first = ", ".join(repr(cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}...") for cell in map(str, header))
    names = [text, *(("answer",) if len(header) == 2 else (f"other{i}" for i in range(1, len(header))))]
    if not in_file:
        such = " and ".join(map(repr, names))
        return (
            f"the names of its columns look like a row ({first}); name the columns, such as {such}, and make "
            "these names a row; where they are names, columns= says which column holds the texts"
        )
    return (
        f"its first line looks like a row and not like a header ({first}); write a line with the columns' names in "
        f"front of it, such as {' and '.join(map(repr, names))}, or give pandas.read_csv(path, names={names}), with "
        "sep='\\t' for a TSV; where it is a header, columns= says which column holds the texts"
    )
