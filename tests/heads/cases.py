"""Small corpora and models for the tests of heads."""

import functools

import numpy as np

from tests.models import byte_tokenizer, tiny
from workbench.model.load import load_model
from workbench.text.corpus import Corpus

TEXTS = {
    "de": ("Der Hund", "Es regnet", "Nein", "Ja, du"),
    "en": ("The dog", "It rains", "No"),
    "ja": ("犬が眠る", "雨だ"),
}


def corpus(texts=None) -> Corpus:
    return Corpus(TEXTS if texts is None else texts, aligned=False, source="test")


def token_ids(texts=None) -> dict[str, list[list[int]]]:
    """The same texts for the oracle: language to lists of token ids."""
    tokenizer = byte_tokenizer()
    return {language: [tokenizer(text)["input_ids"] for text in rows] for language, rows in (texts or TEXTS).items()}


@functools.cache
def model(kind: str):
    """A wrapped model; never edited by a test."""
    return load_model(tiny(kind), tokenizer=byte_tokenizer())


@functools.cache
def module(kind: str):
    """The same weights, unwrapped, for the oracle."""
    return tiny(kind)


def table(by_language: dict[str, np.ndarray]) -> np.ndarray:
    """Arrays by language, stacked in the order of the corpus."""
    return np.stack([np.asarray(by_language[language]) for language in TEXTS])
