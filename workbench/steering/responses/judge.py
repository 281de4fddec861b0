"""Judge responses one by one: in the language, relevant, a copy of the prompt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from workbench.arguments import finite, shown
from workbench.errors import BadArgument
from workbench.evaluation.responses.passes import confident
from workbench.model.model import Model
from workbench.steering.responses.relevance import copied, own_prompt_first
from workbench.text.characters import tokenizable
from workbench.text.identification.answers import answer_matcher

Relevance = Callable[[str, str], float]
"""Prompt and response to a number from 0 (beside the point) to 1."""


@dataclass(frozen=True)
class Judged:
    """Of each response, [response].

    Attributes:
        success: identified as the target language; a response in no language that the identifier knows is none.
        relevant: 0 to 1.
        chance: expected relevance of a response that suits no prompt; NaN where a function judged.
        identified: the code, or an empty text where the identifier knows none.
        copied: repeats its prompt.
        empty: has nothing but white space.
    """

    success: np.ndarray
    relevant: np.ndarray
    chance: np.ndarray
    identified: np.ndarray
    copied: np.ndarray
    empty: np.ndarray


# Long: what is judged, and how.
def judge(
    model: Model,
    prompts: Sequence[str],
    responses: Sequence[str],
    *,
    languages: Sequence[str],
    targets: Sequence[str],
    identify: Callable,
    bar: float,
    relevance: Relevance | None,
    others: int,
    **scoring: Any,
) -> Judged:
    """Judge responses to prompts (of these languages) that should be in the target languages.

    Args:
        model: the model without edits, which judges relevance where no function does.
        prompts: of each response.
        responses: what was written.
        languages: of the prompts; "" where unknown.
        targets: languages that the responses should be in.
        identify: text to (code, score), or to a code or None.
        bar: a code whose score is at most this is none.
        relevance: a function that judges, or None.
        others: as of `own_prompt_first`, as what is in `scoring`.
        scoring: batch_size, progress and seed.

    Raises:
        BadArgument: the identifier or the judge returns something else.
    """
    finite("bar", bar, above=0, below=1)
    _check_judge(relevance)
    empty = np.array([not text.strip() for text in responses])
    names = answer_matcher(list(dict.fromkeys(targets)), getattr(identify, "languages", ()))
    answers = [confident(identify(tokenizable(text)), bar) if text.strip() else None for text in responses]
    codes = names(answers)
    if relevance is None:
        relevant, chance = own_prompt_first(model, prompts, responses, languages, others=others, **scoring)
    else:
        pairs = zip(prompts, responses, empty, strict=True)
        relevant = np.array([0.0 if none else _number(relevance(prompt, text)) for prompt, text, none in pairs])
        chance = np.full(len(relevant), np.nan)
    return Judged(
        success=np.array([code == target for code, target in zip(codes, targets, strict=True)]),
        relevant=relevant.astype(float),
        chance=chance,
        identified=np.array([code or "" for code in codes], dtype=object),
        copied=np.array([copied(*pair) for pair in zip(prompts, responses, strict=True)]),
        empty=empty,
    )


def _check_judge(relevance: Relevance | None) -> None:
    """Refuse a judge that does not take two texts."""
    if relevance is None:
        return
    try:
        signature(relevance).bind("", "")
    except ValueError:  # of some built-in functions nothing is known
        return
    except TypeError:
        raise BadArgument(f"relevance={shown(relevance)}; give a function of a prompt and a response") from None


def _number(value: Any) -> float:
    try:
        return finite("relevance", value, at_least=0, at_most=1)
    except BadArgument:
        raise BadArgument(f"relevance returned {shown(value)}; it gives a number from 0 to 1") from None
