"""The characters that each token adds to the decoded text."""

import re
from collections.abc import Sequence
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

_UNFINISHED = "\ufffd"  # written by a decoder for an incomplete character
_BYTES = {letter: byte for byte, letter in bytes_to_unicode().items()}


def pieces(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The characters that each token adds; joined they are the decoded text. Special tokens appear by name.

    A character whose bytes span several tokens belongs to the token that completes it; the others are empty.

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
    texts, begin = [], 0
    for end in range(1, len(ids) + 1):
        so_far = whole
        if end < len(ids):  # a decoder may revise its output until a character is complete
            so_far = tokenizer.decode(list(ids[:end]), clean_up_tokenization_spaces=False).rstrip(_UNFINISHED)
        stop = max(begin, _shared(so_far, whole))
        texts.append(whole[begin:stop])
        begin = stop
    return texts


def token_texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The text of each token alone, with its leading space; an incomplete character as bytes: '<E381>'."""
    return [
        _alone(tokenizer, token, name) for token, name in zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True)
    ]


def _alone(tokenizer: Any, token: int, name: Any) -> str:
    text = tokenizer.decode([token], clean_up_tokenization_spaces=False)
    if _UNFINISHED in text:  # token names encode bytes: '<0xE3>', or a letter for each byte
        fallback = re.fullmatch("<0x([0-9A-F]{2})>", str(name))
        values = [_BYTES.get(letter) for letter in str(name)]
        if fallback or None not in values:
            return f"<{fallback[1] if fallback else ''.join(f'{value:02X}' for value in values)}>"
    begins = str(name).startswith("\u2581") and not text.startswith(" ")  # decoders strip the space of a first token
    return f" {text}" if begins else text


def _shared(first: str, second: str) -> int:
    """Length of the common prefix of two texts."""
    differ = (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    return next(differ, min(len(first), len(second)))
