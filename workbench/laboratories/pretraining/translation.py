"""Whether a model translates a word: greedy decoding of `de: Hund`, `en:` gives the word and `</s>`."""

from itertools import permutations
from typing import Any

import numpy as np
import torch

from workbench.laboratories.pretraining.documents import Sources, line


def directions(sources: Sources) -> list[tuple[str, str]]:
    """All directions: (source language, target language)."""
    return list(permutations(sources.languages, 2))


def label(source: str, target: str) -> str:
    """A direction's label on the language axis: `de-en`."""
    return f"{source}-{target}"


@torch.no_grad()
def translates(module: Any, tokenizer: Any, sources: Sources, source: str, target: str) -> np.ndarray:
    """Whether each word is translated exactly, [concept] bool; the whole answer and `</s>` must be the likeliest."""
    rows, begins = [], []
    for word, answer in zip(sources.words[source], sources.words[target], strict=True):
        prompt = tokenizer(f"{line(source, word)}\n{target}:", verbose=False)["input_ids"]
        whole = tokenizer(f"{line(source, word)}\n{line(target, answer)}", verbose=False)["input_ids"]
        if whole[: len(prompt)] != prompt:
            raise AssertionError(f"{line(target, answer)!r} is split across its colon")
        rows.append([*whole, tokenizer.eos_token_id])
        begins.append(len(prompt))
    longest = max(map(len, rows))
    padded = torch.tensor([row + [tokenizer.pad_token_id] * (longest - len(row)) for row in rows])
    best = module(input_ids=padded.to(module.device), use_cache=False).logits.argmax(-1).cpu()
    return np.array(
        [
            best[place, begin - 1 : len(row) - 1].tolist() == row[begin:]
            for place, (row, begin) in enumerate(zip(rows, begins, strict=True))
        ]
    )
