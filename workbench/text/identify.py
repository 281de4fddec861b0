"""Identify: which language a text is in; any function from text to code will do, two are here."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from workbench.errors import BadArgument, TooFewLanguages, UnsupportedSite
from workbench.text.corpus import Corpus
from workbench.text.languages import check, known

Identifier = Callable[[str], str | None]
"""Text to language code, or None where it cannot tell."""


def by_trigrams(corpus: Corpus) -> Identifier:
    """Identify by the letter trigrams of a corpus: naive Bayes with one added to every count, no download.

    Args:
        corpus: texts of every language to tell apart; the more, the surer.

    Returns:
        The identifier; None for texts without a letter.

    Raises:
        TooFewLanguages: fewer than two languages.
    """
    if len(corpus.languages) < 2:
        raise TooFewLanguages(f"telling languages apart needs at least two; {corpus.source} has {corpus.languages}")
    counts = {language: Counter(_trigrams(" ".join(rows))) for language, rows in corpus.texts.items()}
    kinds = len(set().union(*counts.values()))
    totals = {language: sum(found.values()) + kinds for language, found in counts.items()}

    def identify(text: str) -> str | None:
        parts = _trigrams(text)
        if not any(map(str.isalpha, text)):
            return None
        scores = {
            language: sum(math.log((found[part] + 1) / totals[language]) for part in parts)
            for language, found in counts.items()
        }
        return max(scores, key=lambda language: scores[language])

    return identify


def by_lingua(languages: Sequence[str]) -> Identifier:
    """Identify with lingua-language-detector, an extra of the workbench: `pip install babel-workbench[identify]`.

    Args:
        languages: ISO 639-1 codes to choose from.

    Raises:
        UnsupportedSite: lingua is not installed.
        BadArgument: a code that lingua does not know.
    """
    try:
        from lingua import IsoCode639_1, LanguageDetectorBuilder
    except ImportError:
        raise UnsupportedSite("lingua is not installed: use by_trigrams, or install the extra `identify`") from None
    codes = []
    for code in languages:
        found = getattr(IsoCode639_1, check(code).split("-")[0].upper(), None) if known(code) else None
        if found is None:
            raise BadArgument(f"lingua does not know {code!r}; leave it out, or use by_trigrams")
        if found in codes:
            raise BadArgument(f"lingua takes {languages[codes.index(found)]!r} and {code!r} for one language; keep one")
        codes.append(found)
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()
    names = {code.name: given for code, given in zip(codes, languages, strict=True)}

    def identify(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return None if found is None else names[found.iso_code_639_1.name]

    return identify


def _trigrams(text: str) -> list[str]:
    """Trigrams of the lower-case letters, other characters read as one space."""
    plain = "  " + " ".join("".join(c if c.isalpha() or c == "\u094d" else " " for c in text.lower()).split()) + " "
    return [plain[i : i + 3] for i in range(len(plain) - 2)]
