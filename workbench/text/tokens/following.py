"""The tokens of a text, and the first token of a word as it follows a prompt, and by itself."""

from collections.abc import Sequence
from typing import Any


def token_ids(tokenizer: Any, text: str, *, special: bool = False) -> list[int]:
    """The tokens of a text, with or without those that the tokenizer adds."""
    return list(tokenizer(text, add_special_tokens=special)["input_ids"])


def token_after(prompt: Sequence[int], whole: Sequence[int]) -> int | None:
    """The token after a prompt's tokens in those of prompt and word; None where the word changes the prompt's."""
    count = len(prompt)
    return int(whole[count]) if len(whole) > count and list(whole[:count]) == list(prompt) else None


def token_alone(tokenizer: Any, word: str) -> int | None:
    """The first token of a word by itself that is more than a space; None where there is none."""
    return next((int(token) for token in token_ids(tokenizer, word) if tokenizer.decode([token]).strip()), None)
