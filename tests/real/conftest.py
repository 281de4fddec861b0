"""Gemma 3 270M, wrapped and plain, once for all tests here; without its package they fail, and say what to install."""

import pytest
import torch
import transformers

import workbench as wb
from workbench.model.loading.unpack import unpacked

NAME = "gemma-3-270m"
LANGUAGES = ["ar", "en", "hi", "ru", "zh"]  # five scripts


@pytest.fixture(scope="session")
def model():
    """The wrapped model; never edited by a test."""
    return wb.load_model(NAME)


@pytest.fixture(scope="session")
def plain(model):
    """The same weights as transformers loads them, for the oracles."""
    return transformers.AutoModelForCausalLM.from_pretrained(unpacked(NAME), dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def sentences():
    """Aligned sentences: language to its first three short ones."""
    corpus = wb.load_corpus("parallel", languages=LANGUAGES)
    short = [row for row, text in enumerate(corpus.texts["en"]) if len(text) < 28][:3]
    return {language: [corpus.texts[language][row] for row in short] for language in LANGUAGES}


@pytest.fixture(scope="session")
def ids(model, sentences):
    """The same sentences as token ids, for the oracles."""
    return {language: [model.tokenizer(text).input_ids for text in rows] for language, rows in sentences.items()}
