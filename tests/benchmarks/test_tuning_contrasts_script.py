"""`benchmarks/tuning_contrasts.py`: documents are mixed as it says, its drops are those of `barriers`; no tuning."""

import importlib

import numpy as np
import pytest

import workbench as wb


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("tuning_contrasts")


@pytest.fixture(scope="module")
def corpus():
    return wb.load_corpus("parallel", split="train")


def languages_of(corpus, sentence):
    return {language for language, texts in corpus.texts.items() if sentence in texts}


def test_pieces_are_the_whole_text(script):
    assert script.pieces("a b c d e", 2) == ["a b c", "d e"]
    assert script.pieces("我又忘了带钥匙", 3) == ["我又", "忘了带", "钥匙"]
    assert script.pieces("a b", 1) == ["a b"]


def test_documents_change_their_language_by_unit(script, corpus):
    draws = script.barriers(True).conditions
    for seed in range(20):
        lines = {name: draw(np.random.default_rng(seed)).split("\n") for name, draw in draws.items()}
        assert all(len(own) == 4 for own in lines.values())
        assert all("en" in languages_of(corpus, line) for line in lines["English alone"])
        assert all(languages_of(corpus, line) for line in lines["mixed by sentence"])
        assert set.intersection(*(languages_of(corpus, line) for line in lines["mixed by document"]))
    many = [draws["mixed by sentence"](np.random.default_rng(seed)).split("\n") for seed in range(20)]
    assert any(not set.intersection(*(languages_of(corpus, line) for line in lines)) for lines in many)
    many = [draws["mixed by 8 words"](np.random.default_rng(seed)) for seed in range(20)]
    assert any(not languages_of(corpus, line) for document in many for line in document.split("\n"))


def test_queries_are_those_of_training_with_english_around_them(script):
    queries = wb.load_task("cypher", split="train").queries
    draws = script.cypher(True).conditions
    prompt, answer = draws["English alone"](np.random.default_rng(1))
    assert any(
        prompt == queries.context("en", "en", item) for item in queries.gold if answer == f" {queries.gold[item]}"
    )
    prompts = [draws["all languages"](np.random.default_rng(seed))[0] for seed in range(30)]
    assert all(prompt.startswith(queries.prompts["en"].instruction) for prompt in prompts)
    assert len({prompt.isascii() for prompt in prompts}) == 2


def test_drops_are_those_of_barriers(script):
    model, task = wb.load_model(), wb.load_task("words", languages=["en", "de"], limit=6)
    scores = script.barrier_scores(model, task, ["de"])
    table = wb.evaluation.barriers(model, task, variants=script.VARIANTS, format="cloze", progress=False)
    for name in script.VARIANTS:
        assert np.nanmean(scores[f"drop, {name}"]) == pytest.approx(
            float(table["drop"].sel(variant=name, language="de"))
        )
    both = [np.nanmean(scores[f"drop, {name}"]) for name in ("question", "options")]
    assert np.nanmean(scores["mean drop"]) == pytest.approx(np.mean(both))


def test_differences_are_paired(script):
    before = np.array([[0.0, 1, 0, 1], [1.0, 0, 1, 0], [5.0, 5, 5, 5]])
    mean, low, high, seeds = script.difference(before + 0.5, before)
    assert (mean, low, high, seeds) == (0.5, 0.5, 0.5, 3)
    change = np.array([[0.1, 0.3], [0.1, 0.3], [-0.2, np.nan]])
    mean, low, high, seeds = script.difference(change, np.zeros((3, 2)))
    assert mean == pytest.approx(0.0) and low < 0 < high  # an item that a seed lacks is left out
    assert script.difference(np.zeros((3, 4)), np.zeros((3, 4))) == (0, 0, 0, 0)
