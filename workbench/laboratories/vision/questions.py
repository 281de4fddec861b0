"""Questions about pictures, as examples of a recipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadCorpus, BrokenModel, UnknownLanguage
from workbench.laboratories.parts.data import QUOTE
from workbench.laboratories.recipe import Data, Example, Materials
from workbench.laboratories.vision.pictures import COLOURS, COUNTS, IMAGE_TOKENS, QUESTIONS, Picture, draw
from workbench.text.languages import autonym


@dataclass(frozen=True, eq=False)
class PictureExample(Example):
    """A text behind a picture.

    Attributes:
        pixels: of the picture, [channel, row, column].
    """

    pixels: np.ndarray | None = None


def picture_questions(languages: Sequence[str]) -> Data:
    """Pictures without end, each with a question in one of the languages: half for the colour, half for the count.

    A colour is asked by `Français: "`, and the count behind the colour, on the next line in the same way.

    Raises:
        UnknownLanguage, BadCorpus: when it is used: the words lack a language or a concept.
        BrokenModel: when it is used: the tokenizer has no token that can stand for a part of a picture.
    """

    def data(materials: Materials, rng: np.random.Generator) -> Iterator[Example]:
        check_words(materials.words, languages)
        front = placeholder(materials.tokenizer)
        colours, counts = list(COLOURS), list(COUNTS)
        while True:
            picture = draw(colours[int(rng.integers(7))], counts[int(rng.integers(5))], rng)
            language = languages[int(rng.integers(len(languages)))]
            question = ("colour", "count")[int(rng.integers(2))]
            yield question_about(picture, question, picture.answer(question), language, materials.words, front)

    return data


def question_about(
    picture: Picture, question: str, answer: str, language: str, words: pd.DataFrame, front: str
) -> PictureExample:
    """A question about a picture and an answer to it, right or wrong, with its closing quotation mark."""
    opening = f"{autonym(language)}: {QUOTE}"
    before = "" if question == "colour" else f"{opening}{words.at[picture.colour, language]}{QUOTE}\n"
    prompt = front + before + opening
    text = f"{prompt}{words.at[answer, language]}{QUOTE}"
    return PictureExample(text, (len(prompt), len(text)), language, pixels=picture.pixels)


def placeholder(tokenizer: Any) -> str:
    """What stands for a picture in a text: the token that fills rows, which no text has, as often as it has patches.

    Raises:
        BrokenModel: the tokenizer has no such token, or no other one to fill rows with.
    """
    if tokenizer.pad_token is None or tokenizer.eos_token_id in (None, tokenizer.pad_token_id):
        raise BrokenModel("pictures need a tokenizer with a padding token that is not its end-of-text token")
    return tokenizer.pad_token * IMAGE_TOKENS


def check_words(words: pd.DataFrame, languages: Sequence[str]) -> None:
    """Refuse words without a language, or without a colour or count.

    Raises:
        UnknownLanguage: a language is missing.
        BadCorpus: a concept is missing, or two have one word.
    """
    concepts = [concept for answers in QUESTIONS.values() for concept in answers]
    for language in languages:
        if language not in words.columns:
            raise UnknownLanguage(f"{language!r} is not among the words (has: {', '.join(words.columns)})")
    if missing := [concept for concept in concepts if concept not in words.index]:
        raise BadCorpus(f"the pictures need words for {', '.join(missing)}, which this word list lacks")
    for answers in QUESTIONS.values():
        for language in languages:
            if words.loc[list(answers), language].duplicated().any():
                raise BadCorpus(f"two of {', '.join(answers)} are the same word in {language!r}")
