"""A case of `real.py`: a given model with real texts and prompt pairs, cut to one length: none is padded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import torch
from cases import Case, Shape

import workbench as wb
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import encode

LANGUAGES = ["ar", "de", "hi", "ja", "ru", "tr", "zh", "en"]  # six scripts
DIRECTIONS = [("de", "fr"), ("en", "zh"), ("ru", "en"), ("hi", "de"), ("ja", "es"), ("ar", "tr")]


@dataclass(eq=False)
class RealCase(Case):
    """Runs what it is given: (plain module, model) and (batch, sources, targets, answers and foils)."""

    given: tuple = ()
    real: tuple = ()

    def modules(self):
        return self.given

    def texts(self):
        return self.real


def cases(plain, model, *, texts: tuple[int, int], pairs: int, shots: int = 5) -> tuple[RealCase, RealCase]:
    """One case whose batch is packed sentences, and one whose batch is the pairs' own target prompts.

    Args:
        plain: a transformers module with the same weights as the model.
        model: the model.
        texts: rows and tokens of the batch of sentences.
        pairs: how many prompt pairs.
        shots: translations that each prompt shows.
    """
    ids = packed(model, wb.load_corpus("parallel", languages=LANGUAGES), *texts)
    source, target, tokens = prompts(model, pairs, shots)
    found = []
    for batch in (ids, target):
        shape = Shape(lambda: model.config, tuple(batch.shape), tuple(target.shape))
        real = (batch, source, target, tokens)
        found.append(RealCase(shape, model.device.type, model.dtype, given=(plain, model), real=real))
    return found[0], found[1]


def packed(model, corpus, rows: int, tokens: int) -> torch.Tensor:
    """Sentences one after another, a language for each row in turn, [rows, tokens]; BOS in front where it is used."""
    streams: dict[str, list[int]] = {language: [] for language in corpus.languages}
    first = []
    for text in model.encode(corpus, truncate=True):
        first = text.ids[: int(model.adds_bos)]
        streams[text.language] += text.ids[len(first) :]
    step, found = tokens - len(first), []
    for row in range(rows):
        language, start = corpus.languages[row % len(streams)], row // len(streams) * step
        found.append(first + streams[language][start : start + step])
    return torch.tensor(found)


def prompts(model, count: int, shots: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Translation prompts of one length, from as many directions as have it.

    Returns:
        sources and targets [pair, position], and answers and foils [2, pair].
    """
    lengths: dict[int, dict[tuple[str, str], list]] = {}
    for direction in DIRECTIONS:
        pairs = wb.translation_pairs(
            "words", source=direction[0], target=direction[1], shots=shots, tokenizer=model.tokenizer
        )
        given = encode(model, pairs)
        read = metric_for_pairs(model, given, "logit_difference").tokens
        for one in zip(given.source, given.target, read["answer"], read["foil"], strict=True):
            lengths.setdefault(len(one[0]), {}).setdefault(direction, []).append(one)
    enough = [found for found in lengths.values() if sum(map(len, found.values())) >= count]
    most = max(enough, key=lambda found: (len(found), sum(map(len, found.values()))))
    turns = [one for turn in zip_longest(*most.values()) for one in turn if one is not None][:count]
    source, target, answers, foils = (torch.tensor(column) for column in zip(*turns, strict=True))
    return source, target, torch.stack([answers, foils])
