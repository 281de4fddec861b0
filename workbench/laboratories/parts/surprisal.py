"""A measure that moves before a translation is right: how unlikely the right answer is."""

import math
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch.nn.functional import cross_entropy

from workbench.arguments import checked, one_of, whole_number
from workbench.errors import BadArgument
from workbench.laboratories.parts.data import (
    FORMS,
    QUOTE,
    Direction,
    distinct_directions,
    held_out_concepts,
    question_of,
    require_languages,
)
from workbench.laboratories.parts.forward import answered, logits_from
from workbench.laboratories.parts.measures import by_language
from workbench.laboratories.recipe import Materials, Measure, of_module

_BATCH = 64


@checked
def answer_bits(
    materials: Materials,
    *,
    directions: Sequence[Direction] | None = None,
    form: str = "question",
    limit: int = 12,
    name: str = "",
    seed: int = 0,
) -> Measure:
    """Bits of the right translation of held-out words and its closing quotation mark: minus log2 of their probability.

    Args:
        materials: the words, and which directions are held out.
        directions: (source, target); all between the words' languages when None.
        form: of the question, see `questions`.
        limit: most concepts of each direction.
        name: of the measure.
        seed: of the concepts' draws.

    Returns:
        A Measure: bits of each answer by its language; `better` is lower.

    Raises:
        BadArgument: no direction, one that is no pair, or no held-out word in any.
        UnknownLanguage: a language is not among the words.

    Example:
        >>> measure = answer_bits(materials, directions=[("de", "fr")])                          # doctest: +SKIP
    """
    one_of("form", form, FORMS)
    whole_number("limit", limit, at_least=1)
    rng, words = np.random.default_rng(seed), materials.words
    languages: list[str] = []
    items: list[tuple[str, str]] = []
    ways = list(permutations(words.columns, 2)) if directions is None else distinct_directions(directions)
    require_languages([code for way in ways for code in way], words)
    for source, target in ways:
        concepts = held_out_concepts(words, materials.held_out, source, target)
        for number in rng.permutation(len(concepts))[:limit]:
            concept = concepts[int(number)]
            languages.append(target)
            prompt = question_of(words.at[concept, source], source, target, form=form)
            items.append((prompt, words.at[concept, target] + QUOTE))
    if not items:
        raise BadArgument("no held-out direction is left to measure; give more words or more directions")

    @of_module
    def measure(model: Any) -> xr.DataArray:
        values: dict[str, list[float]] = {}
        for language, bits in zip(languages, following_bits(model.module, model.tokenizer, items), strict=True):
            values.setdefault(language, []).append(bits)
        return by_language(values, name or f"answer bits, {form}", units="bits per answer", better="lower")

    return measure


@torch.no_grad()
def following_bits(module: Any, tokenizer: Any, items: Sequence[tuple[str, str]]) -> list[float]:
    """Bits of each answer after its prompt, over the answer's tokens."""
    values: list[float] = []
    for start in range(0, len(items), _BATCH):
        part = items[start : start + _BATCH]
        read = answered(tokenizer, part)
        first = min(begin for _, begin in read) - 1
        logits = logits_from(module, tokenizer, [ids for ids, _ in read], first)
        for made, (ids, begin) in zip(logits, read, strict=True):
            wanted = torch.tensor(ids[begin:], device=made.device)
            start = begin - 1 - first
            nats = cross_entropy(made[start : start + len(wanted)].float(), wanted, reduction="sum")
            values.append(float(nats) / math.log(2))
    return values
