"""Excerpts: the pieces of a text around the token at which a value is strongest."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.text.chat import Chat
from workbench.text.corpus import Corpus
from workbench.text.tokens.spans import joined, spans

Part = tuple[str, float]
"""Characters of a token, or of tokens that share a character, and the strongest value at them."""


def excerpt(
    tokenizer: Any,
    corpus: Corpus,
    language: str,
    row: int,
    values: np.ndarray,
    *,
    front: int,
    window: int,
    strongest: Callable[[np.ndarray], float] = np.max,
) -> tuple[list[Part], int]:
    """Parts of a text around the strongest, and the place of the strongest among them.

    Args:
        tokenizer: a fast transformers tokenizer.
        corpus: has the text.
        language: of the text.
        row: of the text.
        values: at the text's counted tokens, [token].
        front: tokens that the tokenizer adds before a text.
        window: parts on both sides of the strongest.
        strongest: the strongest of some values.

    Raises:
        UnsupportedSite: the tokenizer gives no character offsets.
    """
    text, pieces = _pieces(tokenizer, corpus, language, row, len(values), front)
    parts = [(text[start:end], float(strongest(values[tokens]))) for start, end, tokens in pieces]
    centre = [value for _, value in parts].index(float(strongest(np.array([value for _, value in parts]))))
    first = max(0, centre - window)
    return parts[first : centre + window + 1], centre - first


def packed(excerpts: Mapping[tuple[int, ...], list[Part]], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Excerpts by their place in `shape` as text and values, both [*shape, piece]; empty and NaN after their ends."""
    width = max((len(parts) for parts in excerpts.values()), default=1)
    text, values = np.full((*shape, width), "", dtype=object), np.full((*shape, width), np.nan)
    for at, parts in excerpts.items():
        for piece, (part, value) in enumerate(parts):
            text[(*at, piece)], values[(*at, piece)] = part, value
    return text, values


def _pieces(
    tokenizer: Any, corpus: Corpus, language: str, row: int, count: int, front: int
) -> tuple[str, list[tuple[int, int, list[int]]]]:
    """A text, and its pieces that correspond to the first `count` of its counted tokens."""
    text = corpus.texts[language][row]
    if not corpus.chat:
        beyond = max(0, front - 1)  # of the tokens that the tokenizer adds before a text, the first counts
        pieces = spans(tokenizer, text, count + beyond)
        return text, [(start, end, [token - beyond for token in tokens]) for start, end, tokens in pieces]
    text, characters = Chat(tokenizer).own(text, corpus.user.get(language, ""), f"text {row} in {language!r}")
    return text, joined(text, characters[:count])
