"""Measurements on a trained model: bits per byte, few-shot translation, language of generated text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from workbench.training.data.prompts import LANGUAGES, HeldOut, Words, few_shot
from workbench.training.tokenizer import BOS, PAD

Model = Any
"""A causal language model of transformers, whose own type annotations are too narrow."""

Item = tuple[str, str, str]
"""concept, source language, target language"""


def _padded(rows: list[list[int]], pad: int) -> Tensor:
    """Rows of different length as [rows, longest], right-padded."""
    longest = max(map(len, rows))
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


@torch.no_grad()
def bits_per_byte(
    model: Model, tokenizer: PreTrainedTokenizerBase, text: str, *, window: int = 128, batch: int = 32
) -> float:
    """Bits per UTF-8 byte of `text`, read in windows of `window` tokens without overlap, each starting with `<s>`."""
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    parts = [[tokenizer.get_vocab()[BOS], *ids[start : start + window - 1]] for start in range(0, len(ids), window - 1)]
    nats = 0.0
    for start in range(0, len(parts), batch):
        rows = parts[start : start + batch]
        padded = _padded(rows, tokenizer.get_vocab()[PAD]).to(model.device)
        wanted = padded[:, 1:].clone()
        for index, row in enumerate(rows):
            wanted[index, len(row) - 1 :] = -100
        logits = model(input_ids=padded, use_cache=False).logits[:, :-1].float()
        nats += cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100, reduction="sum").item()
    return nats / math.log(2) / len(text.encode())


@torch.no_grad()
def bits_of_each(
    model: Model, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, batch: int = 32
) -> np.ndarray:
    """Bits per UTF-8 byte of every text, after `<s>`: [text] float64. Texts must fit into the model's context."""
    bits = []
    for start in range(0, len(texts), batch):
        part = texts[start : start + batch]
        bos = tokenizer.get_vocab()[BOS]
        rows = [[bos, *tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]] for text in part]
        padded = _padded(rows, tokenizer.get_vocab()[PAD]).to(model.device)
        wanted = padded[:, 1:].clone()
        for index, row in enumerate(rows):
            wanted[index, len(row) - 1 :] = -100
        logits = model(input_ids=padded, use_cache=False).logits[:, :-1].float()
        nats = cross_entropy(logits.mT, wanted, ignore_index=-100, reduction="none").sum(1).double()
        bits += [value / math.log(2) / len(text.encode()) for value, text in zip(nats.tolist(), part, strict=True)]
    return np.array(bits)


def draw_items(words: Words, held_out: HeldOut, *, untrained: bool, count: int, seed: int = 0) -> list[Item]:
    """Up to `count` directions, all held out (`untrained`) or all trained on, in a seeded random order."""
    every = [
        (concept, source, target)
        for concept in words
        for source in LANGUAGES
        for target in LANGUAGES
        if source != target and held_out(concept, source, target) == untrained
    ]
    return [every[index] for index in np.random.default_rng(seed).permutation(len(every))[:count]]


@torch.no_grad()
def exact_matches(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    words: Words,
    items: list[Item],
    *,
    shots: int = 5,
    batch: int = 32,
    seed: int = 1,
    progress: bool = True,
    prompt_of: Callable[[Words, str, str, str, list[str]], str] = few_shot,
) -> list[bool]:
    """Whether greedy decoding of the prompt (`few_shot`, or another) gives the answer and a closing quotation mark.

    Computed in one forward pass over prompt and answer: the token of highest probability must be that of the answer at
    each place (as tokenized by the tokenizer), and then one that begins with a quotation mark.
    """
    rng, concepts, results = np.random.default_rng(seed), list(words), []
    quotes = torch.tensor([str(tokenizer.decode([token])).startswith('"') for token in range(len(tokenizer))])
    for start in tqdm(range(0, len(items), batch), desc="translation", disable=not progress):
        rows, begins = [], []
        for concept, source, target in items[start : start + batch]:
            drawn = rng.choice(concepts, shots + 1, replace=False)
            others = [str(other) for other in drawn if other != concept][:shots]
            prompt = tokenizer(prompt_of(words, concept, source, target, others), verbose=False)["input_ids"]
            answer = tokenizer(words[concept][target], add_special_tokens=False)["input_ids"]
            rows.append(prompt + answer)
            begins.append(len(prompt))
        padded = _padded(rows, tokenizer.get_vocab()[PAD]).to(model.device)
        best = model(input_ids=padded, use_cache=False).logits.argmax(-1).cpu()
        for index, (row, begin) in enumerate(zip(rows, begins, strict=True)):
            predicted = best[index, begin - 1 : len(row)]
            results.append(predicted[:-1].tolist() == row[begin:] and bool(quotes[predicted[-1]]))
    return results


@torch.no_grad()
def continuations(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    lines: list[str],
    *,
    prompt: int = 10,
    new: int = 40,
    temperature: float = 0.7,
    seed: int = 0,
) -> list[str]:
    """Sampled continuations of the first `prompt` tokens (`<s>` included) of each line that is longer than that."""
    encoded = [tokenizer(line, verbose=False)["input_ids"] for line in lines]
    starts = torch.tensor([ids[:prompt] for ids in encoded if len(ids) > prompt], device=model.device)
    torch.manual_seed(seed)
    made = model.generate(
        input_ids=starts,
        attention_mask=torch.ones_like(starts),
        max_new_tokens=new,
        do_sample=True,
        temperature=temperature,
        top_k=0,
        pad_token_id=tokenizer.pad_token_id,
    )
    return tokenizer.batch_decode(made[:, prompt:], skip_special_tokens=True)


def share_in_language(texts: list[str], language: str, identify: Callable[[str], str | None]) -> float:
    """Share of `texts` that `identify` identifies as `language`; empty texts count as wrong."""
    return sum(identify(text) == language for text in texts) / len(texts)
