"""Characters: one composition for all texts, those that no reader sees, and texts that come again."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from workbench.errors import BadArgument, warn
from workbench.text.display.naming import shortened

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_OVERRIDES = "\u202a-\u202e\u2066-\u2069"  # which show text in another order than it is read in
_HALF = re.compile("[\ud800-\udfff]")
_BOTH = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HIDDEN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f{_OVERRIDES}\ufeff\ud800-\udfff\ufffd]")


def normalized(texts: Mapping[str, Sequence[str]], form: str | None, source: str) -> dict[str, tuple[str, ...]]:
    """Bring texts into one Unicode form; a warning says how many were in another, and names hidden characters.

    Most tokenizers learned from text in NFC, so "é" in two characters is read as other tokens than "é" in one. None
    takes half a character (a lone surrogate): it becomes U+FFFD whatever the form.

    Args:
        texts: by language.
        form: 'NFC', another form, or None, which leaves the form as it is.
        source: for messages.

    Raises:
        BadArgument: another form.
    """
    read = {language: tuple(map(whole, rows)) for language, rows in texts.items()}
    found = {language: tuple(composed(text, form) for text in rows) for language, rows in read.items()}
    counts = {
        language: sum(old != new for old, new in zip(read[language], rows, strict=True))
        for language, rows in found.items()
    }
    if any(counts.values()):
        warn(f"{source}: brought into {form}: {counted(counts)}; normalize=None leaves them as they are")
    _say_hidden({language: tuple(map(_joined, rows)) for language, rows in texts.items()}, source)
    return found


def whole(text: str) -> str:
    """A text that a tokenizer can read: two halves of a character in a row as that one, a half alone as U+FFFD."""
    return _HALF.sub("\ufffd", _joined(text))


def mended(texts: Mapping[str, Sequence[str]], source: str) -> dict[str, tuple[str, ...]]:
    """Texts by language, each `whole`; a warning counts those with half a character and names what they have."""
    rows = {language: tuple(map(_joined, each)) for language, each in texts.items()}
    broken = {language: [text for text in each if _HALF.search(text)] for language, each in rows.items()}
    if not any(broken.values()):
        return rows
    _say_hidden(broken, source)
    return {language: tuple(map(whole, each)) for language, each in rows.items()}


def composed(text: str, form: str | None) -> str:
    """One text in a Unicode form, or as it is where the form is None.

    Raises:
        BadArgument: another form.
    """
    if form is None:
        return text
    if form == "NFC" or form == "NFD" or form == "NFKC" or form == "NFKD":
        return unicodedata.normalize(form, text)
    raise BadArgument(f"normalize={form!r} is no Unicode form; it is one of {', '.join(FORMS)}, or None")


def repeats(texts: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many texts of each language are one that came before, read with `plain`; languages without are left out."""
    counts = {language: len(rows) - len(set(map(plain, rows))) for language, rows in texts.items()}
    return {language: count for language, count in counts.items() if count}


def plain(text: str) -> str:
    """A text composed as NFC, its white space one space each: two texts that agree in it are one text."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def counted(counts: Mapping[str, int]) -> str:
    """Languages with how many each, without those that have none: 'de 3, fr 1'."""
    return shortened([f"{language} {count}".strip() for language, count in counts.items() if count])


def _say_hidden(texts: Mapping[str, Sequence[str]], source: str) -> None:
    kinds: Counter[str] = Counter()
    counts = {}
    for language, rows in texts.items():
        hits = [set(_HIDDEN.findall(text)) for text in rows]
        counts[language] = sum(map(bool, hits))
        kinds.update(character for each in hits for character in each)
    if kinds:
        named = ", ".join(f"U+{ord(one):04X}{_called(one)} in {count}" for one, count in kinds.most_common(5))
        warn(f"{source}: texts with characters that are not seen or not text ({counted(counts)}): {named}")


def _joined(text: str) -> str:
    """A text in which both halves of a character, one behind the other, are that character."""
    return _BOTH.sub(lambda both: both[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _called(character: str) -> str:
    if _HALF.match(character):
        return " (half a character, read as U+FFFD)"
    name = unicodedata.name(character, "")
    return f" ({name.lower()})" if name else ""
