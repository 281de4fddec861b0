"""Measurements before and after alignment: translation by trained and untrained language, bits per byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from workbench.results.statistics import interval
from workbench.training.data.prompts import LANGUAGES, HeldOut, Words, few_shot, question
from workbench.training.measure import Item, Model, bits_of_each, draw_items, exact_matches

Lines = dict[str, Sequence[str]]
"""language -> sentences"""


def draw_directions(
    words: Words, held_out: HeldOut, languages: tuple[str, str], *, count: int, seed: int = 0
) -> list[Item]:
    """All held-out directions of the trained pair, and up to `count` of all others."""
    every = draw_items(words, held_out, untrained=True, count=10**9, seed=seed)
    pair = [item for item in every if set(item[1:]) == set(languages)]
    return pair + [item for item in every if set(item[1:]) != set(languages)][:count]


def measure_all(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    words: Words,
    items: list[Item],
    lines: Lines,
    *,
    progress: bool = True,
) -> dict[str, Any]:
    """Measurements of a model: `questions` and `few_shot` [item], 1 or 0; `bits` per byte by language [sentence]."""
    matches = {
        name: np.array(
            exact_matches(model, tokenizer, words, items, progress=progress, prompt_of=prompt_of), dtype=float
        )
        for name, prompt_of in (("questions", question), ("few_shot", few_shot))
    }
    bits = {
        language: bits_of_each(model, tokenizer, texts)
        for language, texts in tqdm(lines.items(), desc="bits per byte", disable=not progress)
    }
    return {**matches, "bits": bits}


def changes(before: dict[str, Any], after: dict[str, Any], items: list[Item], languages: tuple[str, str]) -> dict:
    """Before, after and the change with its 95 % bootstrap interval over items or sentences.

    Args:
        before: `measure_all` of the base.
        after: `measure_all` of the tuned model.
        items: the directions tested on both.
        languages: the two trained languages.

    Returns:
        `questions`, in the trained form, and `few_shot`, in the form of pretraining: by the number of trained languages
        in a direction (`pair`, `one`, `none`), and by target language without the trained pair (`into de`
        ...); `bits_per_byte`: by language.
    """
    known = set(languages)
    groups = {
        "pair": [set(item[1:]) == known for item in items],
        "one": [len(known & set(item[1:])) == 1 for item in items],
        "none": [not known & set(item[1:]) for item in items],
    }
    for language in LANGUAGES:
        groups[f"into {language}"] = [item[2] == language and set(item[1:]) != known for item in items]
    return {
        **{
            part: {name: change(before[part][chosen], after[part][chosen]) for name, chosen in groups.items()}
            for part in ("questions", "few_shot")
        },
        "bits_per_byte": {language: change(bits, after["bits"][language]) for language, bits in before["bits"].items()},
    }


def change(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Means before and after, mean paired difference with its interval; before, after: [sample]."""
    if not len(before):
        return {"before": np.nan, "after": np.nan, "change": np.nan, "low": np.nan, "high": np.nan, "count": 0}
    low, high = interval(after - before)
    values = {"before": before.mean(), "after": after.mean(), "change": (after - before).mean()}
    ends = {"low": low, "high": high}
    return {**{name: round(float(value), 4) for name, value in {**values, **ends}.items()}, "count": len(before)}
