"""Plain passes of a transformers module, padded on the right."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from workbench.laboratories.parts.objectives import takes_positions
from workbench.text.batches import pad
from workbench.text.tokens.around import around
from workbench.text.tokens.spans import Divider


def logits_from(module: Any, tokenizer: Any, rows: Sequence[Sequence[int]], first: int) -> Tensor:
    """Logits of every position from `first` on: [row, position - first, vocabulary]."""
    fill = next((token for token in (tokenizer.pad_token_id, tokenizer.eos_token_id) if token is not None), 0)
    ids, mask = (part.to(module.device) for part in pad(rows, fill))
    how: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
    if first and takes_positions(module):
        return module(**how, logits_to_keep=torch.arange(first, ids.shape[1], device=ids.device)).logits
    return module(**how).logits[:, first:]


def encoded(module: Any, tokenizer: Any, texts: Sequence[str]) -> list[tuple[list[int], int]]:
    """Token ids of texts with what stands before every text, cut at the context, and how many bytes are predicted.

    Where nothing stands before a text, its first token is not predicted.
    """
    front = list(around(tokenizer)[0])
    config = module.config.get_text_config() if hasattr(module.config, "get_text_config") else module.config
    most = int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 2048)
    most -= len(front)
    made = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    rows = []
    for text, ids, places in zip(texts, made["input_ids"], made["offset_mapping"], strict=True):
        end = len(text) if len(ids) <= most else places[most - 1][1]
        begin = 0 if front else places[0][1]
        rows.append(([*front, *ids[:most]], len(text[begin:end].encode())))
    return rows


def answered(tokenizer: Any, items: Sequence[tuple[str, str]]) -> list[tuple[list[int], int]]:
    """Token ids of each prompt with its answer, tokenized together as in training, and where the answer's begin.

    An answer by itself may begin otherwise: some tokenizers put a space before every text.
    """
    divide = Divider(tokenizer)
    return [divide(prompt + answer, len(prompt)) for prompt, answer in items]
