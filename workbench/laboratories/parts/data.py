"""Data: questions for translations, and plain text."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import checked, one_of
from workbench.errors import BadCorpus, UnknownLanguage
from workbench.laboratories.recipe import Data, Example, HeldOut, Materials
from workbench.text.languages import autonym, language_list

FORMS = ("question", "line")
QUOTE = '"'
Direction = tuple[str, str]


@checked
def questions(
    languages: str | Sequence[str] | None = None,
    *,
    directions: Sequence[Direction] | None = None,
    form: str = "question",
) -> Data:
    """Questions for the translation of words, in the given directions; the answer is the word and a closing quote.

    Held-out directions are never drawn. The data have no end.

    Args:
        languages: in both directions between each two of them; all of the words' when None.
        directions: (source, target) instead.
        form: `"question"`, `(Hund) = Suomi? "koira"`, or `"line"`, `Deutsch: "Hund" - Suomi: "koira"`.

    Raises:
        UnknownLanguage: when it is used: a language is not among the words.
        BadCorpus: when it is used: no direction is left.

    Example:
        >>> data = questions(["de", "ja"])                                                       # doctest: +SKIP
    """
    one_of("form", form, FORMS)
    codes = None if languages is None else language_list(languages)

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        words = materials.words
        ways = list(directions or permutations(codes or list(words.columns), 2))
        for code in sorted({code for way in ways for code in way}):
            if code not in words.columns:
                raise UnknownLanguage(f"{code!r} is not among the words (has: {', '.join(words.columns)})")
        drawable = {way: trained_concepts(words, materials.held_out, *way) for way in ways}
        ways = [way for way in ways if drawable[way]]
        if not ways:
            raise BadCorpus("no direction between these languages is left to train on")
        while True:
            source, target = ways[int(rng.integers(len(ways)))]
            concept = drawable[source, target][int(rng.integers(len(drawable[source, target])))]
            yield translation(words, concept, source, target, form=form)

    return data


@checked
def lines(languages: str | Sequence[str] | None = None) -> Data:
    """Texts of the corpus in random order, all of which the loss covers.

    Args:
        languages: those of the corpus when None.

    Example:
        >>> data = lines(["de"])                                                                 # doctest: +SKIP
    """
    codes = None if languages is None else language_list(languages)

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        chosen = materials.corpus.select(codes) if codes else materials.corpus
        every = [(text, language) for language, texts in chosen.texts.items() for text in texts]
        for number in rng.permutation(len(every)):
            text, language = every[int(number)]
            yield Example(text, language=language)

    return data


def translation(words: pd.DataFrame, concept: Any, source: str, target: str, *, form: str = "question") -> Example:
    """A question with its answer and the closing quotation mark."""
    prompt = question_of(words.at[concept, source], source, target, form=form)
    answer = words.at[concept, target] + QUOTE
    return Example(prompt + answer, (len(prompt), len(prompt) + len(answer)), target)


def question_of(word: str, source: str, target: str, *, form: str = "question") -> str:
    """A question up to the quotation mark that opens the answer."""
    if form == "question":
        return f'({word}) = {autonym(target)}? "'
    return f'{autonym(source)}: "{word}" - {autonym(target)}: "'


def trained_concepts(words: pd.DataFrame, held_out: HeldOut, source: str, target: str) -> list[Any]:
    """Concepts that may be trained on in a direction."""
    return [concept for concept in words.index if not held_out(str(concept), source, target)]


def held_out_concepts(words: pd.DataFrame, held_out: HeldOut, source: str, target: str) -> list[Any]:
    """Concepts that are measured in a direction: those that no data train."""
    return [concept for concept in words.index if held_out(str(concept), source, target)]
