"""Spans: which characters of a text each token stands for, and on which side of a border it is.

Borders are given in characters, counts in tokens: a text is tokenized as a whole, and the tokenizer says which
characters each token stands for. One rule everywhere (prefixes, answers, the turns of a chat, words): a token belongs
to the part in which its last character lies. So one that runs across a border, such as " blue" where a prefix ends in
the space, belongs to what comes after it.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from workbench.errors import UnsupportedSite
from workbench.text.tokens.around import around

_SPACES = " \u0120\u2581"  # how names of tokens write a space
_JOINERS = "\u200c\u200d"  # zero width non-joiner and joiner belong to the letters beside them

Characters = Sequence[tuple[int, int]]
"""Of each token the first of its characters, and the place behind the last one; equal where it has none."""


def until(places: Characters, border: int) -> int:
    """How many tokens, from the first on, belong to what comes before a border between characters."""
    beyond = (token for token, (_, end) in enumerate(places) if end > border)
    return next(beyond, len(places))


def within(places: Characters, start: int, end: int) -> range:
    """The tokens that belong to the characters from `start` to before `end`."""
    return range(until(places, start), until(places, end))


def characters(tokenizer: Any, ids: Sequence[int], offsets: Characters) -> list[tuple[int, int]]:
    """Characters of each token as the tokenizer gives them, with those that it leaves out.

    Some tokenizers trim spaces: a trimmed space at a token's end, which its name shows, is the token's; all others go
    to the token that follows them.
    """
    found, before = [], 0
    for token, (start, end) in enumerate(offsets):
        gap = offsets[token + 1][0] - end if token + 1 < len(offsets) else 0
        if gap > 0 and start < end:
            name = tokenizer.convert_ids_to_tokens(ids[token])
            end += min(gap, len(name) - len(name.rstrip(_SPACES)))
        found.append((min(start, before), end))
        before = max(before, end)
    return found


class Divider:
    """Divides the tokens of whole texts at a border between characters.

    A tokenizer that does not say which characters its tokens stand for is compared with itself: tokens belong to what
    comes before as far as the text up to the border has the same ones.

    Args:
        tokenizer: a transformers tokenizer.
    """

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.front, self.behind = around(tokenizer)

    def __call__(self, text: str, border: int) -> tuple[list[int], int]:
        """Token ids of the text, without what the tokenizer puts behind it, and how many belong before the border.

        What the tokenizer puts in front of the text belongs before the border.
        """
        if getattr(self.tokenizer, "is_fast", False):
            made = self.tokenizer(text, return_offsets_mapping=True, verbose=False)
            ids = self.read(made["input_ids"])
            return ids, until(characters(self.tokenizer, ids, made["offset_mapping"][: len(ids)]), border)
        ids, part = (self.read(self.tokenizer(one)["input_ids"]) for one in (text, text[:border]))
        same = (place for place, (one, other) in enumerate(zip(ids, part, strict=False)) if one != other)
        return ids, next(same, min(len(ids), len(part)))

    def read(self, ids: Sequence[int]) -> list[int]:
        """Token ids without those that the tokenizer put behind the text."""
        ids, count = list(ids), len(self.behind)
        return ids[:-count] if count and tuple(ids[-count:]) == self.behind else ids


def last_token(tokenizer: Any, text: str, place: int) -> int:
    """The last token that holds some of the characters before a place: where a word that ends there has been read.

    A token that goes on beyond the word, such as one of its last letter and a quote, is still this one.
    """
    if getattr(tokenizer, "is_fast", False):
        made = tokenizer(text, return_offsets_mapping=True, verbose=False)["offset_mapping"]
        return max(token for token, (start, end) in enumerate(made) if start < place and start < end)
    whole, part = (list(tokenizer(one)["input_ids"]) for one in (text, text[:place]))
    special = getattr(tokenizer, "all_special_ids", ())
    while part and whole and part[-1] == whole[-1] and part[-1] in special:  # what is put behind every text
        whole, part = whole[:-1], part[:-1]
    same = (token for token, (one, other) in enumerate(zip(whole, part, strict=False)) if one != other)
    return min(next(same, len(part)), len(part) - 1)


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
