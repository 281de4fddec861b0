"""Whether a response is in its language: the rules of the Language Confusion Benchmark (Marchisio et al. 2024)."""

import re
import string
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.arguments import finite, shown
from workbench.errors import BadArgument
from workbench.text.characters import tokenizable
from workbench.text.identification.answers import answer_matcher
from workbench.text.tokens.segment import Segmenters, words

Scorer = Callable[[str], tuple[str, float] | str | None]
"""Text to the code of its language and a score from 0 to 1, or to a code alone, which counts as certain."""
WORD_LANGUAGES = ("ar", "hi", "ja", "ko", "ru", "zh")  # word_pass is not defined where English words are spelled alike
LEAST_TOKENS = 5  # of a line that counts
LEAST_LETTERS = 4  # of an English word that counts
_DELETED = str.maketrans("—", " ", string.punctuation + "،")
_CHARACTERS = re.compile(r"[A-Za-z]+|\S")


@dataclass(frozen=True)
class Passes:
    """What the rules say of responses, each [response].

    Attributes:
        lines: lines that count; a response without any is skipped.
        right: those of them that are in the language.
        english: whether an English word occurs in them.
    """

    lines: np.ndarray
    right: np.ndarray
    english: np.ndarray


def passes(
    texts: Sequence[str],
    languages: Sequence[str],
    *,
    identify: Scorer,
    dictionary: Collection[str] | None,
    segment: Segmenters | None,
    bar: float,
) -> Passes:
    """Apply the rules to each response and its language."""
    finite("bar", bar, above=0, below=1)
    english = english_words(dictionary)
    names = answer_matcher(list(dict.fromkeys(languages)), getattr(identify, "languages", ()))
    rows = np.zeros((3, len(texts)), dtype=int)
    for place, (text, language) in enumerate(zip(texts, languages, strict=True)):
        for line in normalized(text).split("\n"):
            tokens = _tokens(line, language, segment)
            if len(tokens) >= LEAST_TOKENS:
                right = names([confident(identify(tokenizable(line)), bar)]) == [language]
                rows[:, place] += (1, right, any(token.strip() in english for token in tokens))
    return Passes(rows[0], rows[1], rows[2] > 0)


def named(identify: Callable) -> str:
    """The name of an identifier, for the provenance; a function `identify` made by another is called by that name."""
    return getattr(identify, "__qualname__", type(identify).__name__).removesuffix(".<locals>.identify")


def english_words(dictionary: Collection[str] | None) -> set[str]:
    """The words of a dictionary that count: in lower case, of four letters or more.

    Raises:
        BadArgument: it is no list or set of texts.
    """
    words = [] if dictionary is None else list(dictionary) if not isinstance(dictionary, str) else [None]
    if not all(isinstance(word, str) for word in words):
        raise BadArgument(f"words={shown(dictionary)}; give a list or set of English words")
    return {word for word in words if word and word.islower() and len(word) >= LEAST_LETTERS}


def normalized(text: str) -> str:
    """The first answer of a response, without punctuation."""
    return text.split("\nQ:")[0].strip().translate(_DELETED)


def _tokens(line: str, language: str, segment: Segmenters | None) -> Sequence[str]:
    """Words of a line; of Chinese and Japanese without a segmenter, characters and words in Latin letters."""
    segmented = words(line, language, segment)
    if segmented is not None:
        return segmented
    return _CHARACTERS.findall(line) if language.split("-")[0] in ("zh", "ja", "yue") else line.split()


def confident(answer: tuple[str, float] | str | None, bar: float) -> str | None:
    """The code of an answer, or None where its score is not above the bar."""
    if answer is None or isinstance(answer, str):
        return answer
    match answer:
        case (str(code), float() | int() as score):
            return code if score > bar else None
    raise BadArgument(f"identify returned {shown(answer)}; it gives (code, score), a code, or None")
