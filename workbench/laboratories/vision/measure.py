"""What a model that sees says of pictures, in each language."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch.nn.functional import cross_entropy

from workbench.laboratories.parts.measures import by_language
from workbench.laboratories.recipe import Measure, of_module
from workbench.laboratories.training.batches import example_batches
from workbench.laboratories.vision.pictures import QUESTIONS, Picture
from workbench.laboratories.vision.questions import check_words, placeholder, question_about
from workbench.laboratories.vision.seeing import predicted_of

_TOKENS = 2048  # of a batch
_LENGTH = 256


def picture_choice(
    pictures: Sequence[Picture], words: pd.DataFrame, question: str, *, shown: Sequence[Picture] | None = None
) -> Measure:
    """Whether the right word has the highest probability among all colours' or counts' words in its language.

    Args:
        pictures: what is asked about.
        words: of every concept, [concept, language].
        question: `colour` or `count`.
        shown: pictures that are shown instead, in the same order.

    Returns:
        A Measure: 1 or 0 of each picture, the same ones in every language; its name is the question.
    """
    check_words(words, list(words.columns))
    right = np.array([QUESTIONS[question].index(picture.answer(question)) for picture in pictures])

    @of_module
    def measure(model: Any) -> xr.DataArray:
        picked = picks(model.module, model.tokenizer, pictures, words, question, shown=shown)
        values = {language: (row == right).astype(float) for language, row in zip(words.columns, picked, strict=True)}
        return by_language(values, question, units="share", better="higher", aligned=True)

    return measure


@torch.no_grad()
def picks(
    module: Any,
    tokenizer: Any,
    pictures: Sequence[Picture],
    words: pd.DataFrame,
    question: str,
    *,
    shown: Sequence[Picture] | None = None,
) -> np.ndarray:
    """The most probable answer, as its place among the question's: [language, picture] int."""
    answers = QUESTIONS[question]
    front = placeholder(tokenizer)

    def rows() -> Iterator[Any]:
        for language in words.columns:
            for mine, other in zip(pictures, shown or pictures, strict=True):
                for answer in answers:
                    # The colour in the text is that of the picture that is asked about, whatever is shown.
                    example = question_about(mine, question, answer, language, words, front)
                    yield replace(example, pixels=other.pixels)

    scores = []
    for batch in example_batches(rows(), tokenizer, tokens=_TOKENS, length=_LENGTH):
        batch = batch.to(module.device)
        logits, ids = predicted_of(module, batch)
        each = torch.zeros(batch.marks[:, 1:].shape, device=ids.device)
        each[batch.marks[:, 1:]] = -cross_entropy(logits, ids, reduction="none")
        scores.append(each.sum(1).cpu().numpy())
    table = np.concatenate(scores).reshape(len(words.columns), len(pictures), len(answers))
    return table.argmax(2)
