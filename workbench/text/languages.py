"""Languages: which codes exist, how each language is called in English and by its own speakers, its script."""

from functools import lru_cache

import langcodes

from workbench.errors import UnknownLanguage

DEFAULT = ("ar", "de", "en", "es", "fi", "fr", "hi", "it", "ja", "ru", "tr", "zh")
_CASED = ("Latn", "Cyrl", "Grek", "Armn")


@lru_cache(maxsize=1024)
def check(code: str) -> str:
    """Return the standard BCP-47 form of a language code: 'EN' and 'eng' become 'en'.

    Raises:
        UnknownLanguage: the code is not well formed, or no language has it.
    """
    try:
        tag = langcodes.standardize_tag(code)
    except (ValueError, AttributeError, TypeError):
        tag = "und"
    if tag.split("-")[0] == "und" or not langcodes.Language.get(tag).is_valid():
        raise UnknownLanguage(f"{code!r} is not the code of a language; codes are BCP-47, such as de, ar or zh-Hant")
    return tag


def known(code: str) -> bool:
    """Tell whether `check` would accept the code."""
    try:
        check(code)
    except UnknownLanguage:
        return False
    return True


def name(code: str) -> str:
    """English name: 'German'."""
    return langcodes.Language.get(check(code)).display_name("en")


def autonym(code: str) -> str:
    """Name in the language itself, with a capital where its script has them: 'Deutsch', 'Suomi', '日本語', 'हिन्दी'."""
    own = langcodes.Language.get(check(code)).autonym()
    return own[0].upper() + own[1:] if script(code) in _CASED and own.islower() else own


def script(code: str) -> str:
    """ISO 15924 code of the script the language is usually written in: 'Latn', 'Arab', 'Hans', 'Jpan'."""
    return langcodes.Language.get(check(code)).maximize().script or "Zyyy"


def label(code: str) -> str:
    """Both names, for axes and menus: 'German · Deutsch'; one where they agree: 'English'."""
    english, own = name(code), autonym(code)
    return english if english == own else f"{english} · {own}"
