"""Word-translation prompts: lines, few-shot prompts, and chains of one concept through many languages."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

AUTONYMS = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fi": "Suomi",
    "fr": "Français",
    "hi": "हिन्दी",
    "it": "Italiano",
    "ja": "日本語",
    "ru": "Русский",
    "tr": "Türkçe",
    "zh": "中文",
}
LANGUAGES = tuple(AUTONYMS)

Words = dict[str, dict[str, str]]
"""concept -> language -> word"""

HeldOut = Callable[[str, str, str], bool]
"""(concept, source language, target language) -> whether this direction is held out"""


def read_words(path: str | Path) -> Words:
    """Reads the word list, a TSV with the columns `concept`, `pos` and one per language."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["concept"]: {language: row[language] for language in LANGUAGES} for row in rows}


def ask(word: str, source: str, target: str) -> str:
    """The question, including the quotation mark that opens the answer."""
    return f'{AUTONYMS[source]}: "{word}" - {AUTONYMS[target]}: "'


def line(words: Words, concept: str, source: str, target: str) -> str:
    """Question and answer: `Deutsch: "Hund" - Français: "chien"`."""
    return f'{ask(words[concept][source], source, target)}{words[concept][target]}"'


def few_shot(words: Words, concept: str, source: str, target: str, shots: list[str]) -> str:
    """One solved line for each concept of `shots`, then the question for `concept`."""
    lines = [line(words, shot, source, target) for shot in shots]
    return "\n".join([*lines, ask(words[concept][source], source, target)])


def question(words: Words, concept: str, source: str, target: str, shots: Sequence[str] = ()) -> str:
    """A form of question not used in pretraining: `(Hund) = 日本語? "`; `shots` are ignored."""
    return f'({words[concept][source]}) = {AUTONYMS[target]}? "'


def chain(words: Words, concept: str, languages: list[str]) -> str:
    """One concept through several languages, on one line: `Deutsch: "Hund" - Suomi: "koira" - 中文: "狗"`."""
    return " - ".join(f'{AUTONYMS[language]}: "{words[concept][language]}"' for language in languages)


def draw_lines(rng: np.random.Generator, words: Words, held_out: HeldOut, *, count: int, mixed: bool) -> str:
    """Lines with different concepts, none held out; all in one direction unless `mixed`."""
    concepts = list(words)
    source, target = (str(language) for language in rng.choice(LANGUAGES, 2, replace=False))
    lines: list[str] = []
    for index in rng.permutation(len(concepts)):
        if len(lines) == count:
            break
        if mixed:
            source, target = (str(language) for language in rng.choice(LANGUAGES, 2, replace=False))
        if not held_out(concepts[index], source, target):
            lines.append(line(words, concepts[index], source, target))
    return "\n".join(lines)


def draw_chains(rng: np.random.Generator, words: Words, held_out: HeldOut, *, count: int, longest: int) -> str:
    """Chains of different concepts in which no word follows, at any distance, a source it is held out from."""
    concepts = list(words)
    lines = []
    for index in rng.permutation(len(concepts))[:count]:
        length, taken = int(rng.integers(3, longest + 1)), []
        for language in rng.permutation(LANGUAGES):
            if len(taken) < length and not any(held_out(concepts[index], before, language) for before in taken):
                taken.append(str(language))
        lines.append(chain(words, concepts[index], taken))
    return "\n".join(lines)
