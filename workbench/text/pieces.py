"""Pieces: what each token of a text adds to it, as characters that a reader knows."""

from collections.abc import Sequence
from typing import Any

_UNFINISHED = "\ufffd"  # what a decoder writes for bytes that are no character yet


def pieces(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The characters that each token adds, so that joined they are the decoded text; special tokens by their names.

    A character whose bytes are spread over several tokens belongs to the one that completes it; the others are empty.

    Args:
        tokenizer: a transformers tokenizer.
        ids: token ids of one text.

    Returns:
        One text for each token.

    Example:
        >>> pieces(model.tokenizer, model.tokenizer("Guten Tag")["input_ids"])                   # doctest: +SKIP
        ['<s>', 'Guten', ' Tag']
    """
    found, before = [], ""
    for end in range(1, len(ids) + 1):
        so_far = tokenizer.decode(list(ids[:end]), clean_up_tokenization_spaces=False)
        if end < len(ids):
            so_far = so_far.rstrip(_UNFINISHED)
        if not so_far.startswith(before):  # a decoder that takes back what it wrote: the token by itself
            found.append(tokenizer.decode([ids[end - 1]]))
        else:
            found.append(so_far[len(before) :])
        before = so_far
    return found
