"""Language identification: any function from text to a code, or None for unknown, is an identifier."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.arguments import checked, expect, finite, whole_number
from workbench.errors import BadArgument, TooFewLanguages, UnsupportedSite
from workbench.text.characters import tokenizable
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import Identifier, with_languages
from workbench.text.languages import check, known

LEAST = 3  # least letters of a text
_SCRIPT = 0.01  # least share of a language's letters for a script to count as its own
_FEW = 0.625  # a text in another language has at most this share of the expected known trigrams
_SURE = 0.01  # and the probability of so few in a text of the language is below this
_STRANGE = 3  # least letters unknown to the language for a text to be in another


@dataclass(frozen=True)
class _Profile:
    """Statistics of a language.

    Attributes:
        trigrams: count of each trigram.
        letters: count of each letter.
        scripts: scripts of its letters.
        seen: mean share of a text's trigrams that occur in the language's other texts.
        strange: mean share of a text's letters that occur in none of them.
    """

    trigrams: Counter[str]
    letters: Counter[str]
    scripts: frozenset[str]
    seen: float
    strange: float


@checked
def by_trigrams(corpus: Corpus, *, least: int = LEAST) -> Identifier:
    """Identify by letter trigrams of a corpus: naive Bayes with add-one smoothing, no download.

    The answer is None for texts with too few letters (numbers and emoji have none), for texts mostly in a script of no
    language of the corpus, and for texts unlike the best-fitting language (nonsense or another language). A text is
    unlike it if it has at most five known trigrams for every eight expected from the corpus's own texts (each compared
    with the others), and so few occur in less than 1 % of texts of its length; or if it has letters that the language
    never uses. A close relative missing from the corpus, such as Dutch for German, is identified as the one present.

    Args:
        corpus: texts of every language to distinguish; more texts give better results.
        least: least letters of a text, from 1.

    Returns:
        The identifier; it returns None for texts in none of the corpus's languages.

    Raises:
        TooFewLanguages: fewer than two languages.
        BadArgument: `least` below 1.
    """
    whole_number("least", least, at_least=1)
    if len(corpus.languages) < 2:
        raise TooFewLanguages(f"identification needs at least two languages; {corpus.source} has {corpus.languages}")
    known = {language: _profile(rows) for language, rows in corpus.texts.items()}
    kinds = len(set().union(*(profile.trigrams for profile in known.values())))
    totals = {language: profile.trigrams.total() + kinds for language, profile in known.items()}

    def identify(text: str) -> str | None:
        text = tokenizable(expect("text", text, str))
        letters, parts = _letters(text), _trigrams(text)
        if sum(map(str.isalpha, letters)) < least:
            return None
        scripts = Counter(map(letter_script, letters))
        fitting = [
            language
            for language, profile in known.items()
            if 2 * sum(count for script, count in scripts.items() if script in profile.scripts) > len(letters)
        ]
        scores = {
            language: sum(math.log((known[language].trigrams[part] + 1) / totals[language]) for part in parts)
            for language in fitting
        }
        best = max(scores, key=lambda language: scores[language], default=None)
        return None if best is None or _unlike(known[best], text) else best

    return with_languages(identify, corpus.languages)


@checked
def by_lingua(languages: Sequence[str], *, least: int = 2, margin: float = 0.0) -> Identifier:
    """Identify with lingua-language-detector, an extra of the workbench: `pip install babel-workbench[identify]`.

    It returns None for texts with too few letters and for scripts of none of the languages. Nonsense and other
    languages in the same script are identified as one of them: use `margin`, or compare with a second identifier
    (`compare_identifiers`).

    Args:
        languages: ISO 639-1 codes to distinguish.
        least: least letters of a text, from 1.
        margin: return None unless the best language leads the next by this much, from 0 to below 1.

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
        raise TooFewLanguages("lingua got no languages; give two or more")
    for code in languages:
        iso_code = getattr(IsoCode639_1, check(code).split("-")[0].upper(), None) if known(code) else None
        if iso_code is None:
            raise BadArgument(f"lingua does not know {code!r}; leave it out, or use by_trigrams")
        if iso_code in codes:
            raise BadArgument(
                f"lingua takes {languages[codes.index(iso_code)]!r} and {code!r} for one language; keep one"
            )
        codes.append(iso_code)
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
    detector = (builder.with_minimum_relative_distance(margin) if margin else builder).build()
    names = {code.name: given for code, given in zip(codes, languages, strict=True)}

    def identify(text: str) -> str | None:
        text = tokenizable(expect("text", text, str))
        if sum(map(str.isalpha, text)) < least:
            return None
        detected = detector.detect_language_of(text)
        return None if detected is None else names[detected.iso_code_639_1.name]

    return with_languages(identify, languages)


def _profile(rows: Sequence[str]) -> _Profile:
    """Statistics of a language; each text is compared with all others."""
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
    total: Counter[str] = Counter()
    for counter in counts:
        total.update(counter)
    return total


def _shared(rows: Sequence[Counter[str]], whole: Counter[str]) -> float:
    """Share of items in the texts that occur in another text too."""
    shared = sum(count for row in rows for part, count in row.items() if whole[part] > count)
    return shared / max(1, whole.total())


def _unlike(profile: _Profile, text: str) -> bool:
    """Whether the part of a text in a language's scripts is unlike the language."""
    own = "".join(c if c.isspace() or letter_script(c) in profile.scripts else " " for c in _plain(text))
    letters, parts = _letters(own), _trigrams(own)
    strange = sum(letter not in profile.letters for letter in letters)
    if strange >= _STRANGE and strange > (3 * profile.strange + 0.03) * len(letters):
        return True
    seen = sum(part in profile.trigrams for part in parts)
    # Neighbouring trigrams share letters: they carry about half the information of independent ones.
    return seen <= _FEW * profile.seen * len(parts) and _chance(seen // 2, len(parts) // 2, profile.seen) < _SURE


def _chance(most: int, of: int, rate: float) -> float:
    """Binomial probability of at most `most` hits in `of` draws."""
    return sum(math.comb(of, hits) * rate**hits * (1 - rate) ** (of - hits) for hits in range(min(most, of) + 1))


def letter_script(letter: str) -> str:
    """The script of a letter, from its Unicode name; hiragana and katakana are both KANA."""
    name = unicodedata.name(letter, "UNKNOWN").split()[0].partition("-")[0]
    return "KANA" if name in ("HIRAGANA", "KATAKANA") else name


def _plain(text: str) -> str:
    """Letters with their marks in lower case and composed, everything else replaced by single spaces."""
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
