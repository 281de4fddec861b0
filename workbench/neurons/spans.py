"""Spans: which characters of a text each token stands for, cut so that no script's letters come apart."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from workbench.errors import UnsupportedSite

_JOINERS = "\u200c\u200d"  # zero width non-joiner and joiner belong to the letters beside them


def spans(tokenizer: Any, text: str, count: int) -> list[tuple[int, int, list[int]]]:
    """Pieces of a text in order: (first character, behind the last one, tokens that the piece holds).

    Tokens that share a character, as the bytes of one Chinese sign do, become one piece, and so do tokens that would
    part a letter from its marks (vowel signs in Hindi, points in Arabic) or from a joiner. Characters that no token
    claims, such as spaces, go to the piece that follows them. Special tokens have no characters and are left out.

    Args:
        tokenizer: a fast transformers tokenizer.
        text: the text.
        count: tokens that the model read; those behind are left out.

    Raises:
        UnsupportedSite: the tokenizer does not say where its tokens come from.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UnsupportedSite(
            "this tokenizer does not say which characters its tokens stand for; a fast tokenizer does"
        )
    offsets = tokenizer(text, add_special_tokens=True, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return joined(text, offsets[:count])


def joined(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int, list[int]]]:
    """Pieces of a text, as of `spans`, from the characters (first, behind the last one) of each of its tokens."""
    found: list[tuple[int, int, list[int]]] = []
    for token, (start, end) in enumerate(offsets):
        if end <= start:
            continue
        behind = found[-1][1] if found else 0
        if found and (start < behind or _continues(text, start)):
            first, last, tokens = found[-1]
            found[-1] = (first, max(last, end), [*tokens, token])
        else:
            found.append((min(start, behind), end, [token]))
    return found


def _continues(text: str, place: int) -> bool:
    """Whether the character here may not stand apart from the one before it."""
    if not 0 < place < len(text):
        return False
    here, before = text[place], text[place - 1]
    virama = unicodedata.combining(before) == 9  # joins two consonants in Indic scripts
    return unicodedata.category(here).startswith("M") or here in _JOINERS or before in _JOINERS or virama
