"""What is measured of a model with prompts: its loss, which prompts texts retrieve, and what that says of languages."""

from collections.abc import Sequence
from typing import Any

import torch
import xarray as xr

from workbench.laboratories.parts.forward import encoded
from workbench.laboratories.parts.measures import bits, by_language, together
from workbench.laboratories.parts.pool import fixed_shares, in_languages
from workbench.laboratories.parts.prompted import retrieved
from workbench.laboratories.recipe import ExampleBatch, Measure, Module, Objective, of_module
from workbench.text.batches import pad
from workbench.text.corpus import Corpus

_TOGETHER = 32  # texts of a pass


def in_own_languages(objective: Objective) -> Objective:
    """The objective, where a pool with a prompt for each language reads each example with that of its language."""

    def loss(module: Module, batch: ExampleBatch) -> torch.Tensor:
        with in_languages(module, [example.language for example in batch.examples]):
            return objective(module, batch)

    return loss


def prompted_bits(corpus: Corpus, name: str, *, other_query: bool = False) -> Measure:
    """Bits per byte of each text, read with the prompts that it retrieves.

    Args:
        corpus: texts that no recipe trains on.
        name: of the measure.
        other_query: read each text with the prompts that the next text of its language retrieves, which know the
            language, and nothing of the words that are to be predicted.
    """

    @of_module
    def measure(model: Any) -> xr.DataArray:
        module, tokenizer = model.module, model.tokenizer
        values = {}
        for language, texts in corpus.texts.items():
            with in_languages(module, [language]):
                if not other_query or not hasattr(module, "prompt_pool"):
                    values[language] = bits(module, tokenizer, texts)
                    continue
                shares = shares_of(module, tokenizer, texts).roll(-1, 0)
            values[language] = []
            rows = together(module, [ids for ids, _ in encoded(module, tokenizer, texts)])  # as many as bits reads
            for start in range(0, len(texts), rows):
                part = slice(start, start + rows)
                with fixed_shares(module.prompt_pool, shares[part]):
                    values[language] += bits(module, tokenizer, texts[part])
        return by_language(values, name, units="bits per byte", better="lower", aligned=corpus.aligned)

    return measure


def strongest_prompt(corpus: Corpus, name: str) -> Measure:
    """The number of the prompt of which each text retrieves most; NaN without a pool of two or more."""

    @of_module
    def measure(model: Any) -> xr.DataArray:
        pool = getattr(model.module, "prompt_pool", None)
        values = {}
        for language, texts in corpus.texts.items():
            values[language] = [float("nan")] * len(texts)
            if pool is not None and len(pool.prompts) > 1:
                with in_languages(model.module, [language]):
                    values[language] = shares_of(model.module, model.tokenizer, texts).argmax(1).tolist()
        return by_language(values, name, units="number of the prompt", better="higher", aligned=corpus.aligned)

    return measure


def shares_of(module: Module, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    """How much of each prompt every text retrieves: [text, pool]."""
    parts = []
    for start in range(0, len(texts), _TOGETHER):
        rows = [ids for ids, _ in encoded(module, tokenizer, texts[start : start + _TOGETHER])]
        ids, mask = (part.to(module.device) for part in pad(rows, rows[0][0]))
        parts.append(retrieved(module, ids, mask))
    return torch.cat(parts).cpu()
