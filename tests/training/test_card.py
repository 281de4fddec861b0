"""The card says what the numbers say."""

import json
from dataclasses import asdict

import pytest

from workbench.training.card import limits, main
from workbench.training.pretrain import Recipe
from workbench.training.prompts import LANGUAGES


@pytest.fixture
def evaluation():
    table = {code: {"model": 1.5, "ngram": 1.4, "xz": 3.0, "bytes": 10, "train_bytes": 10**6} for code in LANGUAGES}
    shares = dict.fromkeys(LANGUAGES, 0.5)
    kind = {"exact_match": 0.81, "standard_error": 0.01, "prompts": 100, "by_target": shares, "by_source": shares}
    kind["by_concept_quarter"] = [0.9, 0.8, 0.7, 0.6]
    kind["concepts_right_at_least_80_percent"] = 123
    return {
        "bits_per_byte": table,
        "translation": {"concepts": 160, "shots": 5, "trained": kind, "held_out": kind},
        "language": {
            "generated": shares,
            "real": shares,
            "mean": 0.5,
            "continuations_per_language": 50,
            "temperature": 0.7,
        },
        "words_by_tokens": {"1": 5, "2": 7},
        "seconds": 12.0,
    }


def test_targets_follow_the_numbers(evaluation):
    text = limits(evaluation)
    assert "`xz` in every language: reached." in text
    assert f"5-gram in every language: **missed** (not: {' '.join(LANGUAGES)})." in text
    assert "80.0 %: reached, 81.0 %" in text
    assert "95.0 %: **missed**, 50.0 %" in text
    evaluation["bits_per_byte"]["fi"]["xz"] = 1.2
    evaluation["translation"]["held_out"]["exact_match"] = 0.79
    text = limits(evaluation)
    assert "`xz` in every language: **missed** (not: fi)." in text
    assert "80.0 %: **missed**, 79.0 %" in text


def test_the_command_writes_the_card(evaluation, tmp_path):
    recipe = asdict(Recipe(minutes=3.0, seed=5))
    training = {
        "recipe": recipe,
        "stages": [{"step": 0, "recipe": recipe}, {"step": 777, "recipe": recipe}],
        "parameters": 3_210_000,
        "steps": 1234,
        "tokens": 2_500_000,
        "minutes": 3.0,
        "progress": 1.0,
        "device": "cpu",
    }
    runs = [{"run": "first", "what": "a trial", "tokens": 10**6, "outcome": "nothing"}]
    for name, content in (("training", training), ("evaluation", evaluation), ("runs", runs)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    main(["--model", str(tmp_path)])
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    for expected in (
        "3.21M parameters",
        "2.50M tokens",
        "| 777 |",
        "| first | a trial | 1.00M | nothing |",
        "--seed 5",
    ):
        assert expected in card
    assert "| de Deutsch | 1.0 | 1.50 | 1.40 | 3.00 |" in card
