"""What a model answers itself: greedy answers up to the closing quotation mark."""

from collections.abc import Sequence
from typing import Any

import torch

from workbench.laboratories.parts.data import QUOTE
from workbench.laboratories.recipe import Module
from workbench.text.tokens.spans import Divider

_BATCH = 128


@torch.no_grad()
def own_answers(module: Module, tokenizer: Any, prompts: Sequence[str], *, most: int = 12) -> list[str | None]:
    """Greedy answers to prompts that end in an opening quotation mark.

    Args:
        module: of transformers.
        tokenizer: its tokenizer.
        prompts: texts.
        most: tokens of an answer.

    Returns:
        The text before the closing quotation mark; None where there is none within `most` tokens: not complete.
    """
    divide = Divider(tokenizer)  # what a tokenizer adds behind a text ends it, and is left out
    rows = [divide(prompt, len(prompt))[0] for prompt in prompts]
    answers: list[str | None] = [None] * len(rows)
    by_length: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        by_length.setdefault(len(row), []).append(place)  # prompts of one length need no padding before them
    for places in by_length.values():
        for start in range(0, len(places), _BATCH):
            part = places[start : start + _BATCH]
            made = _greedy(module, tokenizer, torch.tensor([rows[place] for place in part]), most)
            for place, text in zip(part, made, strict=True):
                answers[place] = text
    return answers


def _greedy(module: Module, tokenizer: Any, ids: torch.Tensor, most: int) -> list[str | None]:
    ids = ids.to(module.device)
    made = module.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=most,
        pad_token_id=next(token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if token is not None),
    )
    texts = tokenizer.batch_decode(made[:, ids.shape[1] :], skip_special_tokens=True)
    return [text.partition(QUOTE)[0] if QUOTE in text else None for text in texts]
