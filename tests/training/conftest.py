"""A tiny corpus, word list and recipe, so that nothing here needs the shared text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.training.data.mixture import Shares
from workbench.training.data.prompts import LANGUAGES, Words
from workbench.training.pretrain import Recipe
from workbench.training.tokenizer import train_tokenizer, word_lines, wrap_tokenizer

SAMPLE = {
    "ar": "القط ينام تحت الشجرة.",
    "de": "Die Katze schläft unter dem Baum.",
    "en": "The cat doesn't sleep under the tree.",
    "es": "¿Duerme el gato bajo el árbol?",
    "fi": "Kissa nukkuu hyvin puun alla.",
    "fr": "L’oiseau dort sous l'arbre près de l’eau.",
    "hi": "बिल्ली पेड़ के नीचे सोती है।",
    "it": "Il gatto dorme sotto l'albero.",
    "ja": "猫は木の下で寝ています。",
    "ru": "Кошка спит под деревом.",
    "tr": "Kedi ağacın altında uyuyor.",
    "zh": "猫在树下睡觉。",
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`<corpus>/text/<language>/train.txt` and `valid.txt`, thirty and five lines."""
    folder = tmp_path_factory.mktemp("corpus")
    for language, sentence in SAMPLE.items():
        (folder / "text" / language).mkdir(parents=True)
        for part, count in (("train", 30), ("valid", 5)):
            lines = [f"{sentence} {number}" for number in range(count)]
            (folder / "text" / language / f"{part}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def words() -> Words:
    """Six made-up concepts; the word for concept k in language l is unique to both."""
    return {f"concept{k}": {language: f"{language}w{k}" for language in LANGUAGES} for k in range(6)}


@pytest.fixture(scope="session")
def words_file(words: Words, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same words as a TSV."""
    path = tmp_path_factory.mktemp("words") / "words.tsv"
    rows = ["\t".join(["concept", "pos", *LANGUAGES])]
    rows += ["\t".join([concept, "n", *row.values()]) for concept, row in words.items()]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tokenizer(words: Words):
    """A tokenizer of 700 entries."""
    texts = list(SAMPLE.values()) * 3 + word_lines(words, repeats=1)
    return wrap_tokenizer(train_tokenizer(texts, vocabulary=700), context=64)


@pytest.fixture
def recipe() -> Recipe:
    """Three steps of a model that fits in a thimble."""
    return Recipe(
        steps=3,
        vocabulary=700,
        width=16,
        inner=24,
        layers=2,
        heads=2,
        context=64,
        batch=4,
        length=32,
        shares=Shares(prompts=0.5),
    )


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(0)
