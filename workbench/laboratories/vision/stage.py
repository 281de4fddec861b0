"""What a model sees after stage 1: its own pictures, none, and others in their place."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from workbench.laboratories.vision.measure import picks
from workbench.laboratories.vision.pictures import QUESTIONS, Picture, blank, swapped
from workbench.results.companions import ATTRIBUTE
from workbench.results.proportions import wilson

SHOWN = ("own", "blank", "swapped")
_AXES = ("shown", "measure", "language")


def seen(model: Any, pictures: Sequence[Picture], words: pd.DataFrame, loss: np.ndarray) -> xr.Dataset:
    """Measure what a model answers to questions about pictures when it is shown them, a blank, or other ones.

    Args:
        model: with `module` and `tokenizer`.
        pictures: what is asked about.
        words: [concept, language].
        loss: of the training before, [step].

    Returns:
        `right[shown, measure, language]` with `right_low` and `right_high` (Wilson, 95 %), `follows[measure, language]`
        and `vision_loss[vision_step]`.
    """
    shown = dict(zip(SHOWN, (pictures, [blank(each) for each in pictures], swapped(list(pictures))), strict=True))
    right = np.empty((len(SHOWN), len(QUESTIONS), len(words.columns)), int)
    follows = np.empty(right.shape[1:])
    for row, question in enumerate(QUESTIONS):
        named = {kind: _answers(others, question) for kind, others in shown.items()}
        for place, (kind, others) in enumerate(shown.items()):
            picked = picks(model.module, model.tokenizer, pictures, words, question, shown=others)
            right[place, row] = (picked == named["own"]).sum(1)
            if kind == "swapped":
                follows[row] = (picked == named["swapped"]).mean(1)
    ends = wilson(right, len(pictures))
    share, owned = {"units": "share"}, {ATTRIBUTE: "right_low right_high"}
    return xr.Dataset(
        {
            "right": (_AXES, right / len(pictures), {"long_name": "right answers, by what is shown", **share, **owned}),
            "right_low": (_AXES, ends[0], {"long_name": "lower end of the interval of right", **share}),
            "right_high": (_AXES, ends[1], {"long_name": "upper end of the interval of right", **share}),
            "follows": (_AXES[1:], follows, {"long_name": "answers that name what a swapped picture shows", **share}),
            "vision_loss": ("vision_step", loss, {"long_name": "loss of each step of stage 1", "units": "nats"}),
        },
        {"shown": list(SHOWN), "measure": list(QUESTIONS), "language": list(words.columns)},
    )


def seen_sentence(result: xr.Dataset) -> str:
    """What is right after stage 1, in trained and other languages, with a blank, and with swapped pictures."""
    trained = result.attrs["trained"].split(",")
    others = [code for code in result.language.values if code not in trained]
    parts = []
    for measure in QUESTIONS:
        own = result.sel(measure=measure)
        shares = {f"in {', '.join(trained)}": own.right.sel(shown="own", language=trained)}
        if others:
            shares["in languages that were not trained"] = own.right.sel(shown="own", language=others)
        shares |= {"of a blank": own.right.sel(shown="blank"), "as a swapped picture shows": own.follows}
        listed = ", ".join(f"{100 * float(value.mean()):.0f} % {where}" for where, value in shares.items())
        parts.append(f"{measure} right after stage 1: {listed}.")
    return " ".join(parts)


def _answers(pictures: Sequence[Picture], question: str) -> np.ndarray:
    """The right answers, as their places among the question's, [picture]."""
    return np.array([QUESTIONS[question].index(picture.answer(question)) for picture in pictures])
