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
    whole = tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
    found, begin = [], 0
    for end in range(1, len(ids) + 1):
        so_far = whole
        if end < len(ids):  # a decoder may take back what it wrote until a character's last byte is there
            so_far = tokenizer.decode(list(ids[:end]), clean_up_tokenization_spaces=False).rstrip(_UNFINISHED)
        stop = max(begin, _shared(so_far, whole))
        found.append(whole[begin:stop])
        begin = stop
    return found


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    differ = (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))
