"""The answer in a written text: a number as lm-eval reads it, or the text without what does not matter."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

_NUMBER = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")  # lm-eval 0.4.13, tasks/mgsm: the filter flexible-extract
_PLAIN = re.compile(r"-?([0-9]+(\.[0-9]+)?|\.[0-9]+)")


def are_numbers(answers: Sequence[str]) -> bool:
    """Whether all answers are numbers, so that only numbers are read from what is written."""
    return all(_PLAIN.fullmatch(_bare(answer)) for answer in answers)


def last_number(text: str) -> str:
    """The last number of a text without `,` and `$`; "" where there is none.

    What counts as the last number is lm-eval's: `5 ...` ends in points, which are none.
    """
    numbers = [_bare(match[0]) for match in _NUMBER.finditer(text)]
    return numbers[-1] if numbers and _PLAIN.fullmatch(numbers[-1]) else ""


def normalized(text: str) -> str:
    """A text in NFKC and lower case, with single spaces, without punctuation around it."""
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    start, stop = 0, len(words)
    while start < stop and _around(words[start]):
        start += 1
    while stop > start and _around(words[stop - 1]):
        stop -= 1
    return words[start:stop] or words


def is_right(parsed: str, answers: Sequence[str], *, numbers: bool) -> bool:
    """Whether what was read equals one of the answers; numbers by value, so that 18.0 is 18.

    Args:
        parsed: of `last_number` or `normalized`; "" is never right.
        answers: that count, as the task has them.
        numbers: compare numbers.
    """
    if not parsed:
        return False
    if numbers:
        return any(Decimal(parsed) == Decimal(_bare(answer)) for answer in answers)
    return any(parsed == normalized(answer) for answer in answers)


def _bare(number: str) -> str:
    return number.strip().replace(",", "").replace("$", "").rstrip(".")


def _around(character: str) -> bool:
    return character.isspace() or unicodedata.category(character).startswith("P")
