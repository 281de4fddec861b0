"""What the shipped transcoder is trained and measured on: text of every language, and word prompts into it."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from workbench.text.corpus import Corpus
from workbench.training.data.mixture import read_lines
from workbench.training.data.prompts import LANGUAGES, HeldOut, Words, line


def texts(corpus: Path, *, part: str, count: int, seed: int) -> Corpus:
    """`count` documents of one to three neighbouring lines in each language."""
    rng = np.random.default_rng(seed)

    def documents(lines: list[str]) -> Iterator[str]:
        while True:
            start = int(rng.integers(len(lines)))
            if document := "\n".join(lines[start : start + int(rng.integers(1, 4))]).strip():
                yield document

    lines = read_lines(corpus, LANGUAGES, part=part)
    made = {language: tuple(islice(documents(own), count)) for language, own in lines.items()}
    return Corpus(made, aligned=False, source=f"{part} text")


def prompts(words: Words, held_out: HeldOut, *, count: int, seed: int, unseen: bool = False) -> Corpus:
    """`count` documents of one to four solved questions from some language into each language.

    Args:
        words: concept, language, word.
        held_out: which directions of concepts the model was not trained on.
        count: of documents in a language.
        seed: of all draws.
        unseen: the last question of each is of a direction that was held out; else none is.
    """
    rng, concepts = np.random.default_rng(seed), list(words)

    def document(target: str) -> str:
        source = str(rng.choice([language for language in LANGUAGES if language != target]))
        order = [concepts[place] for place in rng.permutation(len(concepts))]
        known = [concept for concept in order if not held_out(concept, source, target)]
        new = [concept for concept in order if held_out(concept, source, target)]
        shots = known[: int(rng.integers(1, 5))]
        return "\n".join(line(words, concept, source, target) for concept in (shots + new[:1] if unseen else shots))

    made = {target: tuple(document(target) for _ in range(count)) for target in LANGUAGES}
    return Corpus(made, aligned=False, source="word prompts")
