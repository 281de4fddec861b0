"""Examples made of own answers: in the source language, in the target language, across both, and their pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import langcodes
import numpy as np

from workbench.arguments import checked, finite, whole_number
from workbench.errors import BadCorpus
from workbench.laboratories.parts.data import QUOTE, question_of, require_languages, trained_concepts
from workbench.laboratories.parts.distillation.own_answers import own_answers
from workbench.laboratories.recipe import Data, Example, Materials
from workbench.text.languages import autonym, check


@dataclass(frozen=True)
class Answered:
    """A question on a word of a third language, and its answer.

    Attributes:
        concept: what the word means.
        pivot: the word's language.
        meant: what the answer means; another concept where the answer is wrong.
        source: the answer in the source language.
        target: its translation.
    """

    concept: str
    pivot: str
    meant: str
    source: str
    target: str


@checked
def distilled(
    source: str,
    target: str,
    *,
    answers: Literal["own", "reference"] = "own",
    parts: Literal["all", "pairs"] = "all",
    switched: float = 0.3,
    limit: int = 400,
) -> Data:
    """The model's own answers in a source language, and their translations into a target language.

    A question gives a word of a third language, and says in the source or the target language in which of them to
    answer: `(dog) = Deutsch? "`, `(dog) = saksa? "`. The base answers greedily in the source language; an answer y is
    used if it is complete and a word of the source language, so that the list has its translation T(y). Each makes six
    examples: source question and y, target question and T(y), target question and y, source question and T(y), and y
    and T(y) as a pair, asked in both directions. Held-out directions are left out.

    Args:
        source: language in which the base answers well.
        target: language that should gain; the source language itself changes nothing but the order.
        answers: `"reference"` takes the list's words in place of own answers, a control.
        parts: `"pairs"` takes the pairs alone: translation, a control.
        switched: share of questions whose word is given in the other language of the two.
        limit: most questions.

    Raises:
        BadCorpus: when it is used: no answer is complete and in the source language.
        UnknownLanguage: no language has this code; when it is used: a language is not among the words.

    Source:
        SDRRL (arXiv 2402.12204); without released code, so that the shares are ours.

    Example:
        >>> data = distilled("de", "fi")                                                         # doctest: +SKIP
    """
    source, target = check(source), check(target)
    finite("switched", switched, at_least=0, at_most=1)
    whole_number("limit", limit, at_least=1)
    known: list[tuple[Materials, list[Answered]]] = []  # a base answers once for all seeds
    how = {"switched": switched, "pairs_only": parts == "pairs"}

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        if not known or known[0][0] is not materials:
            known[:] = [(materials, answered(materials, source, target, own=answers == "own", limit=limit))]
        every = [example for each in known[0][1] for example in examples(materials, each, source, target, rng, **how)]
        if not every:
            raise BadCorpus(f"every direction between {source!r} and {target!r} is held out; give more words")
        for number in rng.permutation(len(every)):
            yield every[int(number)]

    return data


def answered(materials: Materials, source: str, target: str, *, own: bool = True, limit: int = 400) -> list[Answered]:
    """Questions with the base's answers that are complete and in the source language; or with the list's words.

    Raises:
        BadCorpus: none is left; says how many were not complete, and how many no words of the language.
        UnknownLanguage: a language is not among the words.
    """
    words = materials.words
    require_languages([source, target], words)
    asks = _questions(materials, source, target, limit)
    if not own:
        return [Answered(c, pivot, c, words.at[c, source], words.at[c, target]) for c, pivot in asks]
    prompts = [question_of(words.at[concept, pivot], pivot, source) for concept, pivot in asks]
    texts = own_answers(materials.base, materials.tokenizer, prompts)
    rows: dict[str, list[str]] = {}
    for concept in words.index:
        rows.setdefault(str(words.at[concept, source]), []).append(str(concept))
    used = []
    for (concept, pivot), text in zip(asks, texts, strict=True):
        if text in rows:
            meant = concept if concept in rows[text] else rows[text][0]
            used.append(Answered(concept, pivot, meant, text, words.at[meant, target]))
    if not used:
        cut = sum(text is None for text in texts)
        raise BadCorpus(
            f"of {len(texts)} answers of the base {cut} are not complete, and {len(texts) - cut} are no words of "
            f"{source!r}; none is left to train on. Give a base that answers such questions, or another source"
        )
    return used


def examples(
    materials: Materials,
    answer: Answered,
    source: str,
    target: str,
    rng: np.random.Generator,
    *,
    switched: float,
    pairs_only: bool = False,
) -> list[Example]:
    """The examples of an answer: four kinds of questions, then both directions of the pair; held-out ones left out."""
    words, held_out, made = materials.words, materials.held_out, []
    texts = {source: answer.source, target: answer.target}
    if not pairs_only:
        for asking, answering in ((source, source), (target, target), (target, source), (source, target)):
            other = source if answering == target else target
            switch = rng.random() < switched and other != answering
            given = other if switch and not held_out(answer.concept, other, answering) else answer.pivot
            if not held_out(answer.concept, given, answering):
                word = words.at[answer.concept, given]
                made.append(_example(word, _named(answering, asking), texts[answering], answering))
    for first, second in ((source, target), (target, source)):
        if first != second and not held_out(answer.meant, first, second):
            made.append(_example(texts[first], autonym(second), texts[second], second))
    return made


def _example(word: str, name: str, answer: str, language: str) -> Example:
    """A question in the form of `question_of`, with a language's name as given, and its answer."""
    prompt = f'({word}) = {name}? "'
    return Example(prompt + answer + QUOTE, (len(prompt), len(prompt + answer + QUOTE)), language)


def _named(code: str, language: str) -> str:
    """What a language is called in another: `saksa`, German in Finnish; `Deutsch` in German."""
    return autonym(code) if code == language else langcodes.Language.get(code).display_name(language)


def _questions(materials: Materials, source: str, target: str, limit: int) -> list[tuple[str, str]]:
    """(concept, language of the given word), drawn once."""
    every = [
        (str(concept), pivot)
        for pivot in materials.words.columns
        if pivot not in (source, target)
        for concept in trained_concepts(materials.words, materials.held_out, pivot, source)
    ]
    if not every:
        raise BadCorpus(f"questions need a word of a third language, and the words have {', '.join(materials.words)}")
    return [every[int(number)] for number in np.random.default_rng(0).permutation(len(every))[:limit]]
