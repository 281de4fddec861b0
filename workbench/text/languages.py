"""Languages: which codes exist, how each language is called in English and by its own speakers, its script.

`check` is the one place where codes and names of languages become the form that every axis has.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import langcodes

from workbench.errors import BadArgument, UnknownLanguage, warn
from workbench.text.display.naming import quoted

DEFAULT = ("ar", "de", "en", "es", "fi", "fr", "hi", "it", "ja", "ru", "tr", "zh")
_CASED = ("Latn", "Cyrl", "Grek", "Armn")
# Three-letter codes without a two-letter one that multilingual data sets (FLORES-200, NTREX, Belebele) have.
_ALONE = (
    "ace acm acq aeb ajp apc ars ary arz ast awa azb ban bem bho bjn brx bug ceb cjk ckb crh dik doi dyu fil fon fur "
    "fuv gsw haw hmn hne hsb ilo kab kac kam kbp kea kmb knc kok lij lmo ltg lua luo lus mag mai min mni mos nds nso "
    "nus pag pap pcm prs quy sat scn shn szl taq tgl tpi tum tzm umb vec war yue zgh"
)
# Those of the usual variety of a language that has a two-letter code.
_VARIETIES = "als arb ayr azj bos cmn ekk gaz gug khk kmr lvs npi ory pbt pes plt swh uzn ydd zsm"
_LONGER = frozenset((*_ALONE.split(), *_VARIETIES.split()))
_NO_LANGUAGE = ("und", "mul", "mis", "zxx")
_RETIRED = ("in", "iw", "ji", "jw", "mo", "sh", "tl")  # of these only `tl` still heads columns
_SAME = {"pbt": "ps"}  # a language's usual variety, which the registry has not under its macrolanguage
_APART = ("tw", "fat", "emk", "mnk")  # varieties of one macrolanguage (Akan, Manding) that have texts of their own
_BY_REGION = ("en", "pt")  # whose two written standards are both common: en-US and pt-BR stay as they are
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
    """Return the one form that a language has here, whatever form it comes in: a BCP-47 code.

    'EN', 'eng', 'eng_Latn' and 'English' become 'en'; 'zho', 'cmn_Hans' and 'zh-CN' become 'zh', 'arb_Arab' becomes
    'ar'. A script stays where it is not the usual one (zh-Hant, sr-Latn), also where a region stands for it (zh-TW is
    zh-Hant); a region stays where it is not the usual one (pt-PT, de-AT), and always in English and Portuguese.

    Raises:
        UnknownLanguage: the code is not well formed, or no language has it.
    """
    tag = _resolve(code.strip()) if isinstance(code, str) else ""
    if not tag:
        raise UnknownLanguage(
            f"{quoted(code)} is not the code of a language; codes are BCP-47, such as de, ar or zh-Hant"
        )
    return tag


def listing(languages: Any) -> list[Any]:
    """The languages that the user wants, one by one: a list, or one string with commas.

    Raises:
        BadArgument: neither.
    """
    if isinstance(languages, str):
        return [code.strip() for code in languages.split(",")]
    if not isinstance(languages, Iterable):
        raise BadArgument(f"languages={languages!r}; give codes in a list, or in one string with commas: 'de,fr'")
    return list(languages)


def known(code: Any) -> bool:
    """Tell whether `check` would accept the code."""
    try:
        check(code)
    except UnknownLanguage:
        return False
    return True


def listed(code: str) -> bool:
    """Whether a header or a file's name is taken for a language without being asked: it is in the workbench's list.

    The list has the two-letter codes, the three-letter codes of the same languages and of those in FLORES-200, NTREX
    and Belebele, any of them with a script or a region, and the languages' names. Some other language has nearly every
    word of three letters as its code (seg, len, age, dev): such codes are taken only when the user says so.
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
    """Which of the languages that are there a code means: the same language, or the only one near to it.

    Near is the same language in the same script where one of the two names no region: 'pt' where only pt-BR is there,
    and the reverse; a warning says so.

    Raises:
        UnknownLanguage: two of those that are there are the same language.
    """
    found, exact = meaning(code, present)
    if found is not None and not exact:
        warn(f"{code!r} is not there; {found!r}, the same language in the same script, is taken for it")
    return found


def meaning(code: str, present: Sequence[str]) -> tuple[str | None, bool]:
    """What `match` gives, without its warning, and whether that is the same language, not only one near to it.

    Raises:
        UnknownLanguage: two of those that are there are the same language.
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


def concerns(code: str, languages: Any) -> bool:
    """Whether one of the languages that are asked for means this one; None asks for all."""
    return languages is None or any(meaning(one, [code])[0] is not None for one in listing(languages))


def wanted(languages: Any) -> set[str]:
    """Standard forms of the languages that are asked for, without those that no language has; none where None."""
    return set() if languages is None else {check(code) for code in listing(languages) if known(code)}


def same(one: str, other: str) -> bool:
    """Whether two names are one: written alike, or two spellings of one language."""
    return one == other or (known(one) and known(other) and check(one) == check(other))


def required(code: str, present: Sequence[str], lacks: str) -> str:
    """Which of the languages that are there a code means, as in `match`.

    Args:
        code: that was asked for.
        present: what is there.
        lacks: what is wrong where it is not, for the message: 'xx' LACKS (has: de, en).

    Raises:
        UnknownLanguage: it means none of them.
    """
    found = match(code, present)
    if found is None:
        raise UnknownLanguage(f"{code!r} {lacks} (has: {', '.join(map(str, present))})")
    return found


@lru_cache(maxsize=4096)
def _resolve(code: str) -> str:
    """The standard form, or nothing."""
    try:
        tag = _standard(code)
        valid = tag.split("-")[0] not in _NO_LANGUAGE and langcodes.Language.get(tag).is_valid()
    except (ValueError, AttributeError, TypeError):
        valid = False
    return _reduce(tag) if valid else _names().get(code.lower(), "")


def _standard(code: str) -> str:
    """The standard tag, under the macrolanguage for its usual variety alone: arb is ar, but twi is no ak."""
    own = langcodes.standardize_tag(code)
    return own if own.split("-")[0] in _APART else langcodes.standardize_tag(code, macro=True)


def _reduce(tag: str) -> str:
    """Leave out a script and a region that tell no texts apart."""
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


def _near(one: str, other: str) -> bool:
    first, second = langcodes.Language.get(one), langcodes.Language.get(other)
    written = [("no" if tag.language == "nb" else tag.language, tag.maximize().script) for tag in (first, second)]
    return written[0] == written[1] and None in (first.territory, second.territory)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Names in lower case, English and own, of the languages in the list."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    short = [one + other for one in letters for other in letters if one + other not in _RETIRED]
    found = dict(_FULL_NAMES)
    for code in (*short, *sorted(_LONGER)):
        language = langcodes.Language.get(code)
        if not language.is_valid() or code == "und":
            continue
        tag = _reduce(_standard(code))
        for called in (language.display_name("en").lower(), language.autonym().lower()):
            if called != code and (len(called) > 3 or not called.isascii()):
                found.setdefault(called, tag)
    return found


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
