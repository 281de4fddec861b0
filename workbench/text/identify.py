"""Identify: which language a text is in, or none that is known; any function from text to code will do."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.arguments import checked, expect, finite, whole_number
from workbench.errors import BadArgument, TooFewLanguages, UnsupportedSite
from workbench.text.answers import Identifier, telling
from workbench.text.characters import whole
from workbench.text.corpus import Corpus
from workbench.text.languages import check, known

LEAST = 3  # letters that a text must have
_SCRIPT = 0.01  # share of a language's letters from which on their script is one of its own
_FEW = 0.625  # of the known trigrams that a text of the language has, at most so many, for it to be in another
_SURE = 0.01  # chance of so few known trigrams in a text of the language, below which it is in another
_STRANGE = 3  # letters that a language never uses, from which on a text may be in another


@dataclass(frozen=True)
class _Profile:
    """What is known of a language.

    Attributes:
        trigrams: how often each comes.
        letters: how often each comes.
        scripts: those of its letters.
        seen: share of a text's trigrams that come in the language's other texts too.
        strange: share of a text's letters that come in none of them.
    """

    trigrams: Counter[str]
    letters: Counter[str]
    scripts: frozenset[str]
    seen: float
    strange: float


@checked
def by_trigrams(corpus: Corpus, *, least: int = LEAST) -> Identifier:
    """Identify by the letter trigrams of a corpus: naive Bayes with one added to every count, no download.

    "None of these" is an answer: for texts with too few letters (numbers and emoji have none), for those mostly in
    a script that no language of the corpus is written in, and for those that are unlike the language that fits them
    best, nonsense or another language. A text is unlike it where at most five trigrams are known for eight of the
    corpus's own texts (each compared with the others), and so few come by chance in less than 1 % of texts of its
    length; or where letters stand in it that the language never uses. A close relative that is not in the corpus, such
    as Dutch beside German, is still taken for the one that is.

    Args:
        corpus: texts of every language to tell apart; the more, the surer.
        least: letters that a text must have, from 1.

    Returns:
        The identifier; None where a text is in none of the corpus's languages.

    Raises:
        TooFewLanguages: fewer than two languages.
        BadArgument: `least` below 1.
    """
    whole_number("least", least, at_least=1)
    if len(corpus.languages) < 2:
        raise TooFewLanguages(f"telling languages apart needs at least two; {corpus.source} has {corpus.languages}")
    known = {language: _profile(rows) for language, rows in corpus.texts.items()}
    kinds = len(set().union(*(one.trigrams for one in known.values())))
    totals = {language: one.trigrams.total() + kinds for language, one in known.items()}

    def identify(text: str) -> str | None:
        text = whole(expect("text", text, str))
        letters, parts = _letters(text), _trigrams(text)
        if sum(map(str.isalpha, letters)) < least:
            return None
        scripts = Counter(map(letter_script, letters))
        fitting = [
            language
            for language, one in known.items()
            if 2 * sum(count for script, count in scripts.items() if script in one.scripts) > len(letters)
        ]
        scores = {
            language: sum(math.log((known[language].trigrams[part] + 1) / totals[language]) for part in parts)
            for language in fitting
        }
        best = max(scores, key=lambda language: scores[language], default=None)
        return None if best is None or _unlike(known[best], text) else best

    return telling(identify, corpus.languages)


@checked
def by_lingua(languages: Sequence[str], *, least: int = 2, margin: float = 0.0) -> Identifier:
    """Identify with lingua-language-detector, an extra of the workbench: `pip install babel-workbench[identify]`.

    It answers with None for texts with too few letters and for scripts of none of the languages. Nonsense in letters
    of theirs, and other languages that use the same ones, it takes for one of them: `margin` and a second identifier
    (`compare_identifiers`) show where.

    Args:
        languages: ISO 639-1 codes to choose from.
        least: letters that a text must have, from 1.
        margin: answer None where the best language is not ahead of the next by this much, from 0 to below 1.

    Raises:
        UnsupportedSite: lingua is not installed.
        BadArgument: a code that lingua does not know, or an option out of range.
    """
    whole_number("least", least, at_least=1)
    finite("margin", margin, at_least=0, below=1)
    try:
        from lingua import IsoCode639_1, LanguageDetectorBuilder
    except ImportError:
        raise UnsupportedSite("lingua is not installed: use by_trigrams, or install the extra `identify`") from None
    codes = []
    if not len(languages):
        raise TooFewLanguages("lingua tells languages apart and was given none; give two or more")
    for code in languages:
        found = getattr(IsoCode639_1, check(code).split("-")[0].upper(), None) if known(code) else None
        if found is None:
            raise BadArgument(f"lingua does not know {code!r}; leave it out, or use by_trigrams")
        if found in codes:
            raise BadArgument(f"lingua takes {languages[codes.index(found)]!r} and {code!r} for one language; keep one")
        codes.append(found)
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
    detector = (builder.with_minimum_relative_distance(margin) if margin else builder).build()
    names = {code.name: given for code, given in zip(codes, languages, strict=True)}

    def identify(text: str) -> str | None:
        text = whole(expect("text", text, str))
        if sum(map(str.isalpha, text)) < least:
            return None
        found = detector.detect_language_of(text)
        return None if found is None else names[found.iso_code_639_1.name]

    return telling(identify, languages)


def _profile(rows: Sequence[str]) -> _Profile:
    """What is known of a language, each text compared with all others."""
    trigrams, letters = ([Counter(split(row)) for row in rows] for split in (_trigrams, _letters))
    every, alphabet = _sum(trigrams), _sum(letters)
    scripts = Counter()
    for letter, count in alphabet.items():
        scripts[letter_script(letter)] += count
    return _Profile(
        every,
        alphabet,
        frozenset(script for script, count in scripts.items() if count >= _SCRIPT * alphabet.total()),
        _shared(trigrams, every),
        1 - _shared(letters, alphabet),
    )


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return found


def _shared(rows: Sequence[Counter[str]], whole: Counter[str]) -> float:
    """Share of what the texts have that comes in another text too."""
    found = sum(count for row in rows for part, count in row.items() if whole[part] > count)
    return found / max(1, whole.total())


def _unlike(one: _Profile, text: str) -> bool:
    """Whether what a text has in a language's own scripts is unlike all that is known of the language."""
    own = "".join(c if c.isspace() or letter_script(c) in one.scripts else " " for c in _plain(text))
    letters, parts = _letters(own), _trigrams(own)
    strange = sum(letter not in one.letters for letter in letters)
    if strange >= _STRANGE and strange > (3 * one.strange + 0.03) * len(letters):
        return True
    seen = sum(part in one.trigrams for part in parts)
    # Neighbouring trigrams share letters: they say about half as much as as many independent ones.
    return seen <= _FEW * one.seen * len(parts) and _chance(seen // 2, len(parts) // 2, one.seen) < _SURE


def _chance(most: int, of: int, rate: float) -> float:
    """Chance of at most so many hits in so many draws."""
    return sum(math.comb(of, hits) * rate**hits * (1 - rate) ** (of - hits) for hits in range(min(most, of) + 1))


def letter_script(letter: str) -> str:
    """The script of a letter, by its name; kana as one, and a mark as the script that it names."""
    name = unicodedata.name(letter, "UNKNOWN").split()[0].partition("-")[0]
    return "KANA" if name in ("HIRAGANA", "KATAKANA") else name


def _plain(text: str) -> str:
    """Letters with their marks in lower case and composed, everything else as single spaces."""
    text = unicodedata.normalize("NFKC", text).lower()
    return " ".join("".join(c if _is_letter(c) else " " for c in text).split())


def _is_letter(character: str) -> bool:
    return character.isalpha() or unicodedata.category(character) in ("Mn", "Mc")


def _letters(text: str) -> list[str]:
    return [character for character in _plain(text) if character != " "]


def _trigrams(text: str) -> list[str]:
    """Trigrams of the letters, other characters read as one space."""
    plain = f"  {_plain(text)} "
    return [plain[i : i + 3] for i in range(len(plain) - 2)]
