"""The language of a single token if it is unambiguous, else its script."""

import re
from collections.abc import Callable
from functools import lru_cache

from workbench.text.identification.answers import Identifier, identified
from workbench.text.identification.identify import letter_script
from workbench.text.readers import load_corpus
from workbench.text.words import load_words

UNKNOWN = "unknown"
_NAMES = {"CJK": "Han"}
_JAPANESE = frozenset({"CJK", "KANA"})
_UNSPACED = ("Han", "Kana")  # written without spaces: a word may be inside a longer run of characters
_WORDS = re.compile(r"\w+")
_MARKUP = re.compile(r"</?[^<>\s]+>")  # <s>, </h5>, <E381> (part of a character)


def script(text: str) -> str:
    """Name of the script of a text's letters: 'Latin', 'Han', 'Arabic'.

    'Kana' stands for kana, with or without Han beside them; 'mixed' for letters of several scripts, 'unknown' for a
    text without letters: numbers, symbols, parts of a character.
    """
    scripts = {letter_script(character) for character in text if character.isalpha()}
    if len(scripts) > 1 and scripts != _JAPANESE:
        return "mixed"
    first = "KANA" if "KANA" in scripts else next(iter(scripts), "")
    return _NAMES.get(first, first.title()) if first else UNKNOWN


def token_language(identify: Identifier | None = None) -> Callable[[str], str]:
    """A function that gives the language of a token: a code if unambiguous, else its script, or 'unknown'.

    Args:
        identify: identifies the language of a token's text. When None, a token is in a language if it begins with a
            space (where the script has spaces) and is a word of the shipped list that occurs in no other language's
            list or sentences. This excludes words shared by the twelve shipped languages, and word endings such as
            "piel" of " Spiel"; the token may still begin a longer word or be a word of a language not shipped.

    Returns:
        A function of a token's text, including spaces.
    """
    words = {} if identify else _unambiguous()
    known: dict[str, str] = {}

    def language(text: str) -> str:
        if text not in known:
            plain = text.strip()
            name, begins = script(plain), text[:1].isspace()
            if identify:
                code = identified(identify, [plain])[0] if plain else None
            else:
                code = words.get(plain.casefold()) if begins or name in _UNSPACED else None
            known[text] = UNKNOWN if _MARKUP.fullmatch(plain) else code or name
        return known[text]

    return language


@lru_cache(maxsize=1)
def _unambiguous() -> dict[str, str]:
    """Lower-case words of the shipped list that belong to a single language, with its code."""
    listed, corpus = load_words(), load_corpus()
    sentences = {code: "\n".join(rows).casefold() for code, rows in corpus.texts.items()}
    standing = {code: set(_WORDS.findall(text)) for code, text in sentences.items()}
    owners: dict[str, set[str]] = {}
    for code in listed.columns:
        for word in listed[code]:
            owners.setdefault(str(word).casefold(), set()).add(str(code))
    for word, codes in owners.items():
        inside = script(word) in _UNSPACED
        codes |= {code for code, text in sentences.items() if (word in text if inside else word in standing[code])}
    return {word: next(iter(codes)) for word, codes in owners.items() if len(codes) == 1}
