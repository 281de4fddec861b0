"""Documents packed into rows of equal length, with the tokens marked that a loss covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

Encoded = tuple[list[int], list[bool]]
"""token ids of a document, and whether the loss covers each"""


def encode_marked(
    tokenizer: PreTrainedTokenizerBase, text: str, span: tuple[int, int], *, ending: bool = False
) -> Encoded:
    """Token ids of a document, `<s>` and `</s>` included, and which tokens overlap the characters of `span`.

    With `ending`, `</s>` is marked too, so that the document's end is learned.
    """
    made: Any = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False, verbose=False)
    marked = [begin < end and end > span[0] and begin < span[1] for begin, end in made["offset_mapping"]]
    special: Any = tokenizer
    return [special.bos_token_id, *made["input_ids"], special.eos_token_id], [False, *marked, ending]


def packed_rows(next_document: Callable[[], Encoded], *, batch: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids [batch, length] int64 and marks [batch, length] bool; a row begins with a document, and its last is cut."""
    ids, marks = np.empty((batch, length), dtype=np.int64), np.empty((batch, length), dtype=bool)
    for row in range(batch):
        tokens: list[int] = []
        marked: list[bool] = []
        while len(tokens) < length:
            more, own = next_document()
            tokens += more
            marked += own
        ids[row], marks[row] = tokens[:length], marked[:length]
    return ids, marks
