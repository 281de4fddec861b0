"""Languages: valid codes, English and own names, scripts.

`check` is the only place that converts codes and names of languages to the standard form used on every axis.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import langcodes

from workbench.errors import BadArgument, UnknownLanguage, warn
from workbench.text.display.naming import quoted

DEFAULT = ("ar", "de", "en", "es", "fi", "fr", "hi", "it", "ja", "ru", "tr", "zh")
_CASED = ("Latn", "Cyrl", "Grek", "Armn")
# Three-letter codes without a two-letter equivalent in FLORES-200, NTREX and Belebele.
_ALONE = (
    "ace acm acq aeb ajp apc ars ary arz ast awa azb ban bem bho bjn brx bug ceb cjk ckb crh dik doi dyu fil fon fur "
    "fuv gsw haw hmn hne hsb ilo kab kac kam kbp kea kmb knc kok lij lmo ltg lua luo lus mag mai min mni mos nds nso "
    "nus pag pap pcm prs quy sat scn shn szl taq tgl tpi tum tzm umb vec war yue zgh"
)
# Three-letter codes of the usual variety of a language that has a two-letter code.
_VARIETIES = "als arb ayr azj bos cmn ekk gaz gug khk kmr lvs npi ory pbt pes plt swh uzn ydd zsm"
_LONGER = frozenset((*_ALONE.split(), *_VARIETIES.split()))
_NO_LANGUAGE = ("und", "mul", "mis", "zxx")
_RETIRED = ("in", "iw", "ji", "jw", "mo", "sh", "tl")  # retired codes; only `tl` is still used as a header
_SAME = {"pbt": "ps"}  # usual varieties that the registry does not assign to their macrolanguage
_APART = ("tw", "fat", "emk", "mnk")  # varieties of one macrolanguage (Akan, Manding) with corpora of their own
_BY_REGION = ("en", "pt")  # two common written standards: en-US and pt-BR keep their region
_FULL_NAMES = {
    "simplified chinese": "zh",
    "chinese simplified": "zh",
    "traditional chinese": "zh-Hant",
    "chinese traditional": "zh-Hant",
    "mandarin": "zh",
    "brazilian portuguese": "pt-BR",
    "european portuguese": "pt-PT",
    "farsi": "fa",
}


def check(code: str) -> str:
    """Convert a code or name of a language to its standard form, a BCP-47 code.

    'EN', 'eng', 'eng_Latn' and 'English' become 'en'; 'zho', 'cmn_Hans' and 'zh-CN' become 'zh', 'arb_Arab' becomes
    'ar'. A script is kept if it is not the usual one (zh-Hant, sr-Latn), also if implied by a region (zh-TW is
    zh-Hant); a region is kept if it is not the usual one (pt-PT, de-AT), and always in English and Portuguese.

    Raises:
        UnknownLanguage: the code is malformed, or no language has it.
    """
    tag = _resolve(code.strip()) if isinstance(code, str) else ""
    if not tag:
        raise UnknownLanguage(
            f"{quoted(code)} is not the code of a language; codes are BCP-47, such as de, ar or zh-Hant"
        )
    return tag


def language_list(languages: Any) -> list[Any]:
    """The requested languages as a list, from a list or a comma-separated string.

    Raises:
        BadArgument: neither.
    """
    if isinstance(languages, str):
        return [code.strip() for code in languages.split(",")]
    if not isinstance(languages, Iterable):
        raise BadArgument(f"languages={languages!r}; give codes in a list, or in one string with commas: 'de,fr'")
    return list(languages)


def known(code: Any) -> bool:
    """Whether `check` accepts the code."""
    try:
        check(code)
    except UnknownLanguage:
        return False
    return True


def listed(code: str) -> bool:
    """Whether a header or a file name is read as a language by default: it is in the workbench's list.

    The list has the two-letter codes, the three-letter codes of the same languages and of those in FLORES-200, NTREX
    and Belebele, each with or without script and region, and the languages' names. Nearly every three-letter word is
    the code of some other language (seg, len, age, dev): such codes count only if the user names them.
    """
    if not known(code):
        return False
    first = code.strip().replace("_", "-").split("-")[0].lower()
    if len(first) > 3 or (len(first) == 3 and code.strip().lower() in _names()):
        return code.strip().lower() in _names()
    if len(first) == 2:
        return first not in _RETIRED or first == "tl"
    has_script = any(len(part) == 4 for part in code.replace("_", "-").split("-")[1:])
    return first in _LONGER or len(langcodes.standardize_tag(first).split("-")[0]) == 2 or has_script


def match(code: str, present: Sequence[str]) -> str | None:
    """The language among those present that a code means: the same language, or else the only near one.

    Near means the same language in the same script, where one of the two has no region: 'pt' if only pt-BR is present,
    or the reverse; this gives a warning.

    Raises:
        UnknownLanguage: two of those present are the same language.
    """
    language, exact = meaning(code, present)
    if language is not None and not exact:
        warn(f"{code!r} is not there; {language!r}, the same language in the same script, is taken for it")
    return language


def meaning(code: str, present: Sequence[str]) -> tuple[str | None, bool]:
    """The result of `match`, without its warning, and whether it is the same language, not only a near one.

    Raises:
        UnknownLanguage: two of those present are the same language.
    """
    if code in present:
        return code, True
    if not known(code):
        return None, False
    tag = check(code)
    forms = {name: check(name) for name in present if known(name)}
    exact = [name for name, form in forms.items() if form == tag]
    if len(exact) > 1:
        raise UnknownLanguage(f"{code!r} is both {exact[0]!r} and {exact[1]!r} here; give it as it is written there")
    if exact:
        return exact[0], True
    near = [name for name, form in forms.items() if _near(form, tag)]
    return (near[0] if len(near) == 1 else None), False


def is_requested(code: str, languages: Any) -> bool:
    """Whether one of the requested languages means this one; None requests all."""
    return languages is None or any(meaning(choice, [code])[0] is not None for choice in language_list(languages))


def requested_codes(languages: Any) -> set[str]:
    """Standard forms of the requested languages, without unknown codes; empty when None."""
    return set() if languages is None else {check(code) for code in language_list(languages) if known(code)}


def same(first: str, second: str) -> bool:
    """Whether two names are equal or spellings of one language."""
    return first == second or (known(first) and known(second) and check(first) == check(second))


def required(code: str, present: Sequence[str], lacks: str) -> str:
    """The language among those present that a code means, as in `match`.

    Args:
        code: requested code.
        present: languages present.
        lacks: phrase for the message if it is missing: 'xx' LACKS (has: de, en).

    Raises:
        UnknownLanguage: it means none of them.
    """
    language = match(code, present)
    if language is None:
        raise UnknownLanguage(f"{code!r} {lacks} (has: {', '.join(map(str, present))})")
    return language


@lru_cache(maxsize=4096)
def _resolve(code: str) -> str:
    """The standard form, or an empty text."""
    try:
        tag = _standard(code)
        valid = tag.split("-")[0] not in _NO_LANGUAGE and langcodes.Language.get(tag).is_valid()
    except (ValueError, AttributeError, TypeError):
        valid = False
    return _reduce(tag) if valid else _names().get(code.lower(), "")


def _standard(code: str) -> str:
    """The standard tag; only the usual variety is mapped to its macrolanguage: arb to ar, but not twi to ak."""
    own = langcodes.standardize_tag(code)
    return own if own.split("-")[0] in _APART else langcodes.standardize_tag(code, macro=True)


def _reduce(tag: str) -> str:
    """Remove a script and a region that are implied by the language."""
    given = langcodes.Language.get(tag)
    if given.variants or given.extlangs or given.extensions or given.private:
        return tag
    code = _SAME.get(given.language or "", given.language or "")
    usual = langcodes.Language.make(language=code).maximize()
    script = given.script or langcodes.Language.make(language=code, territory=given.territory).maximize().script
    if script == usual.script or (code, script) == ("ko", "Hang"):
        script = None
    likely = langcodes.Language.make(language=code, script=script).maximize().territory
    region = None if given.territory == likely and code not in _BY_REGION else given.territory
    return "-".join(part for part in (code, script, region) if part)


def _near(code: str, other: str) -> bool:
    first, second = langcodes.Language.get(code), langcodes.Language.get(other)
    written = [("no" if tag.language == "nb" else tag.language, tag.maximize().script) for tag in (first, second)]
    return written[0] == written[1] and None in (first.territory, second.territory)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Lower-case English and own names of the listed languages, to their tags."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    short = [first + second for first in letters for second in letters if first + second not in _RETIRED]
    names = dict(_FULL_NAMES)
    for code in (*short, *sorted(_LONGER)):
        language = langcodes.Language.get(code)
        if not language.is_valid() or code == "und":
            continue
        tag = _reduce(_standard(code))
        for called in (language.display_name("en").lower(), language.autonym().lower()):
            if called != code and (len(called) > 3 or not called.isascii()):
                names.setdefault(called, tag)
    return names


def name(code: str) -> str:
    """English name: 'German'."""
    return langcodes.Language.get(check(code)).display_name("en")


def autonym(code: str) -> str:
    """Name in the language itself, capitalized where the script has capitals: 'Deutsch', 'Suomi', '日本語', 'हिन्दी'."""
    own = langcodes.Language.get(check(code)).autonym()
    return own[0].upper() + own[1:] if script(code) in _CASED and own.islower() else own


def script(code: str) -> str:
    """ISO 15924 code of the script the language is usually written in: 'Latn', 'Arab', 'Hans', 'Jpan'."""
    return langcodes.Language.get(check(code)).maximize().script or "Zyyy"


def label(code: str) -> str:
    """Both names, for axes and menus: 'German · Deutsch'; a single one if they agree: 'English'."""
    english, own = name(code), autonym(code)
    return english if english == own else f"{english} · {own}"
