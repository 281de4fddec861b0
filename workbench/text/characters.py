"""Unicode normalization, hidden characters, and repeated texts."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workbench.errors import BadArgument, warn
from workbench.text.display.naming import shortened

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_OVERRIDES = "\u202a-\u202e\u2066-\u2069"  # bidirectional controls, which display text in another order
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HIDDEN = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f{_OVERRIDES}\ufeff\ud800-\udfff\ufffd]")


def normalized(texts: Mapping[str, Sequence[str]], form: str | None, source: str) -> dict[str, tuple[str, ...]]:
    """Convert texts to one Unicode form; warnings count changed texts and name hidden characters.

    Most tokenizers were trained on NFC text, so "é" as two characters gives other tokens than "é" as one. No tokenizer
    accepts a lone surrogate: it becomes U+FFFD in every form.

    Args:
        texts: texts by language.
        form: 'NFC', 'NFD', 'NFKC', 'NFKD', or None for no change.
        source: for messages.

    Raises:
        BadArgument: unknown form.
    """
    read = {language: tuple(map(tokenizable, rows)) for language, rows in texts.items()}
    converted = {language: tuple(composed(text, form) for text in rows) for language, rows in read.items()}
    counts = {
        language: sum(old != new for old, new in zip(read[language], rows, strict=True))
        for language, rows in converted.items()
    }
    if any(counts.values()):
        warn(f"{source}: brought into {form}: {counted(counts)}; normalize=None leaves them as they are")
    _warn_hidden({language: tuple(map(_surrogates_joined, rows)) for language, rows in texts.items()}, source)
    return converted


def tokenizable(text: str) -> str:
    """A text that a tokenizer can read: surrogate pairs as their character, lone surrogates as U+FFFD."""
    return _SURROGATE.sub("\ufffd", _surrogates_joined(text))


def tokenizable_texts(texts: Mapping[str, Sequence[str]], source: str) -> dict[str, tuple[str, ...]]:
    """Texts by language, each `tokenizable`; a warning counts those with lone surrogates."""
    rows = {language: tuple(map(_surrogates_joined, each)) for language, each in texts.items()}
    broken = {language: [text for text in each if _SURROGATE.search(text)] for language, each in rows.items()}
    if not any(broken.values()):
        return rows
    _warn_hidden(broken, source)
    return {language: tuple(map(tokenizable, each)) for language, each in rows.items()}


def tokenizable_cells(cells: Iterable[Any]) -> list[Any]:
    """Cells of a column, the texts among them each `tokenizable`, as a frame of pandas needs them too."""
    return [tokenizable(cell) if isinstance(cell, str) else cell for cell in cells]


def composed(text: str, form: str | None) -> str:
    """A text in a Unicode form, unchanged if the form is None.

    Raises:
        BadArgument: unknown form.
    """
    if form is None:
        return text
    if form == "NFC" or form == "NFD" or form == "NFKC" or form == "NFKD":
        return unicodedata.normalize(form, text)
    raise BadArgument(f"normalize={form!r} is no Unicode form; it is one of {', '.join(FORMS)}, or None")


def repeats(texts: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Number of repeated texts of each language, compared with `plain`; languages without are omitted."""
    counts = {language: len(rows) - len(set(map(plain, rows))) for language, rows in texts.items()}
    return {language: count for language, count in counts.items() if count}


def plain(text: str) -> str:
    """A text in NFC with single spaces; texts that agree in this form count as the same text."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def counted(counts: Mapping[str, int]) -> str:
    """Non-zero counts by language as text: 'de 3, fr 1'."""
    return shortened([f"{language} {count}".strip() for language, count in counts.items() if count])


def _warn_hidden(texts: Mapping[str, Sequence[str]], source: str) -> None:
    kinds: Counter[str] = Counter()
    counts = {}
    for language, rows in texts.items():
        hits = [set(_HIDDEN.findall(text)) for text in rows]
        counts[language] = sum(map(bool, hits))
        kinds.update(character for each in hits for character in each)
    if kinds:
        named = ", ".join(
            f"U+{ord(character):04X}{_description(character)} in {count}" for character, count in kinds.most_common(5)
        )
        warn(f"{source}: texts with hidden or non-text characters ({counted(counts)}): {named}")


def _surrogates_joined(text: str) -> str:
    """A text with surrogate pairs replaced by their character."""
    return _SURROGATE_PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _description(character: str) -> str:
    if _SURROGATE.match(character):
        return " (half a character, read as U+FFFD)"
    name = unicodedata.name(character, "")
    return f" ({name.lower()})" if name else ""
