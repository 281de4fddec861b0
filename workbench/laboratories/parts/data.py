"""Data: questions for translations, and plain text."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from workbench.arguments import checked, one_of, shown
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.laboratories.recipe import Data, Example, HeldOut, Materials
from workbench.text.languages import autonym, check, language_list

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
    codes = None if languages is None else distinct_languages(languages)
    given = None if directions is None else distinct_directions(directions)

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        words = materials.words
        ways = given or list(permutations(codes or list(words.columns), 2))
        require_languages([code for way in ways for code in way], words)
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
    codes = None if languages is None else distinct_languages(languages)

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        chosen = materials.corpus.select(codes) if codes else materials.corpus
        every = [(text, language) for language, texts in chosen.texts.items() for text in texts]
        for number in rng.permutation(len(every)):
            text, language = every[int(number)]
            yield Example(text, language=language)

    return data


def distinct_languages(languages: str | Sequence[str], *, name: str = "languages", least: int = 1) -> list[str]:
    """Language codes as a list.

    Raises:
        UnknownLanguage: a code that no language has.
        BadArgument: fewer than the least, or one twice.
    """
    codes = [check(code) for code in language_list(languages)]
    if len(codes) < least or len(set(codes)) < len(codes):
        raise BadArgument(f"{name}={', '.join(codes) or 'nothing'}; give {least} or more different languages")
    return codes


def distinct_directions(directions: Sequence[Direction]) -> list[Direction]:
    """Directions as pairs of two different language codes.

    Raises:
        UnknownLanguage: a code that no language has.
        BadArgument: something else than pairs, or none.
    """
    ways: list[Direction] = []
    for way in directions:
        if not isinstance(way, tuple | list) or len(way) != 2 or not all(isinstance(code, str) for code in way):
            raise BadArgument(f"directions has {shown(way)}; give pairs of language codes, such as ('de', 'fr')")
        source, target = distinct_languages(list(way), name="directions", least=2)
        ways.append((source, target))
    if not ways:
        raise BadArgument("directions is empty; give pairs of language codes, such as ('de', 'fr')")
    return ways


def require_languages(codes: Sequence[str], words: pd.DataFrame) -> None:
    """Refuse languages that have no words.

    Raises:
        UnknownLanguage: names the first.
    """
    for code in codes:
        if code not in words.columns:
            raise UnknownLanguage(
                f"{code!r} is not among the words (has: {', '.join(words.columns)}); the recipe uses it, so "
                "give words and languages with it"
            )


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
