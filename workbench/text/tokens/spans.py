"""Spans: the characters of each token, and on which side of a border a token is.

Borders are in characters, counts in tokens: a text is tokenized as a whole, and the tokenizer gives the character
offsets of each token. One rule applies everywhere (prefixes, answers, chat turns, words): a token belongs to the part
that contains its last character. So a token across a border, such as " blue" after a prefix that ends in the space,
belongs to the part after the border.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from workbench.errors import UnsupportedSite
from workbench.text.tokens.around import around

_SPACES = " \u0120\u2581"  # characters for a space in token names
_JOINERS = "\u200c\u200d"  # zero-width non-joiner and joiner belong to their neighbours

Characters = Sequence[tuple[int, int]]
"""Start and end (exclusive) of the characters of each token; equal if it has none."""


def until(places: Characters, border: int) -> int:
    """Number of leading tokens that belong to the text before a character border."""
    beyond = (token for token, (_, end) in enumerate(places) if end > border)
    return next(beyond, len(places))


def within(places: Characters, start: int, end: int) -> range:
    """The tokens that belong to the characters [start, end)."""
    return range(until(places, start), until(places, end))


def characters(tokenizer: Any, ids: Sequence[int], offsets: Characters) -> list[tuple[int, int]]:
    """Character offsets of each token, completed with characters that the tokenizer omits.

    Some tokenizers trim spaces: a trimmed space at a token's end, visible in its name, belongs to the token; all others
    go to the next token.
    """
    places, before = [], 0
    for token, (start, end) in enumerate(offsets):
        gap = offsets[token + 1][0] - end if token + 1 < len(offsets) else 0
        if gap > 0 and start < end:
            name = tokenizer.convert_ids_to_tokens(ids[token])
            end += min(gap, len(name) - len(name.rstrip(_SPACES)))
        places.append((min(start, before), end))
        before = max(before, end)
    return places


class Divider:
    """Splits the tokens of a text at a character border.

    Without character offsets, the text up to the border is tokenized too: the tokens that both share belong to the part
    before it.

    Args:
        tokenizer: a transformers tokenizer.
    """

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.prefix, self.suffix = around(tokenizer)

    def __call__(self, text: str, border: int) -> tuple[list[int], int]:
        """Token ids of the text, without those added after it, and how many belong before the border.

        Tokens that the tokenizer adds before the text belong before the border.
        """
        if getattr(self.tokenizer, "is_fast", False):
            made = self.tokenizer(text, return_offsets_mapping=True, verbose=False)
            ids = self.read(made["input_ids"])
            return ids, until(characters(self.tokenizer, ids, made["offset_mapping"][: len(ids)]), border)
        ids, part = (self.read(self.tokenizer(piece)["input_ids"]) for piece in (text, text[:border]))
        same = (place for place, (token, other) in enumerate(zip(ids, part, strict=False)) if token != other)
        return ids, next(same, min(len(ids), len(part)))

    def read(self, ids: Sequence[int]) -> list[int]:
        """Token ids without those that the tokenizer added after the text."""
        ids, count = list(ids), len(self.suffix)
        return ids[:-count] if count and tuple(ids[-count:]) == self.suffix else ids


def last_token(tokenizer: Any, text: str, place: int) -> int:
    """The last token with a character before a place: the token at which a word that ends there has been read.

    The token may extend beyond the word, such as one of its last letter and a quote.
    """
    if getattr(tokenizer, "is_fast", False):
        made = tokenizer(text, return_offsets_mapping=True, verbose=False)["offset_mapping"]
        return max(token for token, (start, end) in enumerate(made) if start < place and start < end)
    whole, part = (list(tokenizer(piece)["input_ids"]) for piece in (text, text[:place]))
    special = getattr(tokenizer, "all_special_ids", ())
    while part and whole and part[-1] == whole[-1] and part[-1] in special:  # tokens added after every text
        whole, part = whole[:-1], part[:-1]
    same = (token for token, pair in enumerate(zip(whole, part, strict=False)) if pair[0] != pair[1])
    return min(next(same, len(part)), len(part) - 1)


def spans(tokenizer: Any, text: str, count: int) -> list[tuple[int, int, list[int]]]:
    """Pieces of a text in order: (start, end (exclusive), tokens of the piece).

    Tokens that share a character, such as the bytes of one Chinese character, become one piece, and so do tokens that
    would separate a letter from its marks (vowel signs in Hindi, points in Arabic) or from a joiner. Characters without
    a token, such as spaces, go to the next piece. Special tokens have no characters and are left out.

    Args:
        tokenizer: a fast transformers tokenizer.
        text: the text.
        count: tokens that the model read; later ones are left out.

    Raises:
        UnsupportedSite: the tokenizer gives no character offsets.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UnsupportedSite("this tokenizer gives no character offsets of its tokens; a fast tokenizer does")
    offsets = tokenizer(text, add_special_tokens=True, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return joined(text, offsets[:count])


def joined(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int, list[int]]]:
    """Pieces of a text, as in `spans`, from the character offsets (start, end) of its tokens."""
    pieces: list[tuple[int, int, list[int]]] = []
    for token, (start, end) in enumerate(offsets):
        if end <= start:
            continue
        before = pieces[-1][1] if pieces else 0
        if pieces and (start < before or _continues(text, start)):
            first, last, tokens = pieces[-1]
            pieces[-1] = (first, max(last, end), [*tokens, token])
        else:
            pieces.append((min(start, before), end, [token]))
    return pieces


def _continues(text: str, place: int) -> bool:
    """Whether the character at this place must stay with the one before it."""
    if not 0 < place < len(text):
        return False
    here, before = text[place], text[place - 1]
    virama = unicodedata.combining(before) == 9  # joins two consonants in Indic scripts
    return unicodedata.category(here).startswith("M") or here in _JOINERS or before in _JOINERS or virama
