"""What the documents are made of: sentences and words, of which each pair of languages lacks some words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.arguments import shown
from workbench.errors import BadArgument, BadCorpus, TooFewLanguages
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus
from workbench.text.words import load_words

FOLDS = 5  # a file of pairs lacks every fifth word
SIXTH = 6  # of the sentences to train on, the files have every sixth, so that words are not lost among them
TOPIC = 12  # words of a line are neighbours in the word list, so that a topic's words occur together in every language
_SENTENCES = 0.15  # share of the plain documents that are sentences, which are long
Pair = tuple[str, str]
"""Two languages, in the order of their codes."""


@dataclass(frozen=True)
class Document:
    """A document.

    Attributes:
        text: its lines.
        languages: of each line.
        item: the sentence or word that it contains, by number; -1 for plain text.
    """

    text: str
    languages: tuple[str, ...]
    item: int = -1


@dataclass(frozen=True)
class Sources:
    """Sentences and words of some languages.

    Attributes:
        text: sentences that are read as plain text, by language.
        sentences: further sentences, which the files of pairs contain: a frame [sentence, language].
        words: a frame [concept, language]; no word is the same in two languages.
        test: sentences that nothing contains.
    """

    text: dict[str, tuple[str, ...]]
    sentences: pd.DataFrame
    words: pd.DataFrame
    test: Corpus

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes, in the given order."""
        return tuple(self.text)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The files of pairs: neighbours in the order of the languages."""
        both = zip(self.languages, self.languages[1:], strict=False)
        return tuple((min(pair), max(pair)) for pair in both)

    @property
    def items(self) -> pd.DataFrame:
        """Sentences, then words: [item, language]."""
        return pd.concat([self.sentences, self.words], ignore_index=True)

    def trained(self, concept: int, source: str, target: str) -> bool:
        """Whether a file of pairs contains this word, by number, in these two languages."""
        pair = (min(source, target), max(source, target))
        return pair in self.pairs and concept % FOLDS != self.pairs.index(pair) % FOLDS

    def file(self, pair: Pair) -> list[int]:
        """Items of a file of pairs: all its sentences, and the words that are not held out from it."""
        words = [number for number in range(len(self.words)) if self.trained(number, *pair)]
        return [*range(len(self.sentences)), *(len(self.sentences) + number for number in words)]


def shipped_sources(languages: Sequence[str], *, concepts: int = 60) -> Sources:
    """Sources from the shipped sentences and words.

    Of the sentences to train on, every sixth is in the files of pairs, and the others are plain text.

    Raises:
        TooFewLanguages: fewer than two.
        UnknownLanguage: not in the shipped data.
        BadArgument: a language twice.
        BadCorpus: fewer words than `concepts` differ in all languages.
    """
    codes = list(languages)
    if len(codes) < 2:
        raise TooFewLanguages(f"languages={shown(codes)}; a pair needs two, such as de,en")
    if len(set(codes)) < len(codes):
        raise BadArgument(f"languages={shown(codes)} has a language twice")
    corpus = load_corpus("parallel", languages=codes, split="train")
    codes = list(corpus.languages)
    rows = pd.DataFrame({code: corpus.texts[code] for code in codes})
    shipped = load_words()
    lists = zip(*(shipped[code] for code in codes), strict=True)
    distinct = [row for row in lists if len({word.casefold() for word in row}) == len(codes)]
    words = pd.DataFrame(distinct, columns=codes)
    if len(words) < concepts:
        raise BadCorpus(f"{len(words)} words differ in all of {', '.join(codes)}; {concepts} were asked for")
    return Sources(
        {code: tuple(text for row, text in enumerate(rows[code]) if row % SIXTH) for code in codes},
        rows.iloc[::SIXTH].reset_index(drop=True),
        words.head(concepts),
        load_corpus("parallel", languages=codes, split="test"),
    )


def plain_text(sources: Sources, rng: np.random.Generator) -> Iterator[Document]:
    """Monolingual documents without end: one to three neighbouring sentences, or a line of three to eight words.

    The words of a line are of one topic: neighbours in the word list, in random order.
    """
    topic = min(TOPIC, len(sources.words))
    while True:
        language = str(rng.choice(sources.languages))
        if rng.random() < _SENTENCES:
            lines = sources.text[language]
            start = int(rng.integers(len(lines)))
            yield Document("\n".join(lines[start : start + int(rng.integers(1, 4))]), (language,))
        else:
            start = int(rng.integers(len(sources.words) - topic + 1))
            words = sources.words[language].to_numpy()[start : start + topic]
            count = min(topic, int(rng.integers(3, 9)))
            yield Document(" ".join(words[rng.permutation(topic)[:count]]), (language,))


def line(language: str, text: str) -> str:
    """A line of a document of the files: `de: Hund`."""
    return f"{language}: {text}"
