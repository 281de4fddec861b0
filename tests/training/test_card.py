"""The card says what the numbers say."""

import json
from dataclasses import asdict

import pytest

from workbench.training.card import _growth, _packing, _slope, limits, main, stages_table
from workbench.training.cards.card_effects import effect_targets, effects
from workbench.training.data.prompts import LANGUAGES
from workbench.training.pretrain import Recipe


@pytest.fixture
def evaluation():
    table = {code: {"model": 1.5, "ngram": 1.4, "xz": 3.0, "bytes": 10, "train_bytes": 10**6} for code in LANGUAGES}
    shares = dict.fromkeys(LANGUAGES, 0.5)
    kind = {"exact_match": 0.81, "standard_error": 0.01, "prompts": 100, "by_target": shares, "by_source": shares}
    kind["by_concept_quarter"] = [0.9, 0.8, 0.7, 0.6]
    kind["concepts_right_at_least_80_percent"] = 123
    return {
        "bits_per_byte": table,
        "shipped_bits_per_byte": dict.fromkeys(LANGUAGES, 1.25),
        "loss_slope": {"slope": -0.5, "low": -0.6, "high": -0.4, "from_tokens": 2_000_000, "points": 9},
        "translation": {"concepts": 160, "shots": 5, "trained": kind, "held_out": kind},
        "language": {
            "generated": shares,
            "real": shares,
            "mean": 0.5,
            "prompts": dict.fromkeys(LANGUAGES, 50),
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
    assert "shipped sentences, in its language at least 95.0 %: **missed**, 50.0 %" in text
    assert "held-out text, in its" not in text and "Mean patching" not in text
    evaluation["language_held_out"] = {**evaluation["language"], "mean": 0.951}
    assert "held-out text, in its language at least 95.0 %: reached, 95.1 %" in limits(evaluation)
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
    assert "| de Deutsch | 1.0 | 1.50 | 1.40 | 3.00 | 1.25 |" in card
    assert "| 0 | 75.0 % to 35.0 % | 75.0 % to 50.0 % | 20.0 % to 40.0 % | 5.0 % to 10.0 % | 24 to 246 |" in card
    assert "until 12% of the schedule and all 246 from 40% on" in " ".join(card.split())
    assert "see each other" in card and "do not see each other" in " ".join(card.split())
    assert "still fell: -0.500 nats per token" in " ".join(card.split())
    assert "without a mask" not in card


def test_recipes_of_before_say_that_documents_saw_each_other():
    old = {**asdict(Recipe()), "grow_from": 0.35, "grow_to": 0.6}
    del old["last_shares"]
    assert "see each other" in _growth(old) and "do not" not in _growth(old)
    assert "without a mask" in _packing(old)
    table = stages_table({"stages": [{"step": 7, "recipe": old}]})
    assert "| 7 | 75.0 % | 75.0 % | 20.0 % | 5.0 % | 24 to 246 |" in table


@pytest.mark.parametrize(
    ("high", "low", "says"), [(-0.1, -0.3, "still fell"), (0.1, -0.3, "was not"), (0.3, 0.1, "rose")]
)
def test_the_slope_is_judged_by_its_interval(evaluation, high, low, says):
    evaluation["loss_slope"].update(low=low, high=high)
    assert f"loss {says}" in " ".join(_slope(evaluation).split())


@pytest.fixture
def effects_found():
    hit = {
        "own": 0.5,
        "others": 0.1,
        "contrast": 0.4,
        "low": 0.3,
        "high": 0.5,
        "random": 0.05,
        "size": 2,
        "holds": True,
    }
    miss = {**hit, "low": -0.1, "holds": False}
    sites = {code: hit if place < 7 else miss for place, code in enumerate(LANGUAGES)}
    none = dict.fromkeys(LANGUAGES, miss)
    moved = {"moved": 0.6, "low": 0.5, "high": 0.7, "single": 0.3, "control": 0.01, "kept": 0.99, "onset": 1.0}
    moved |= {"onset_low": 1.0, "onset_high": 2.0, "holds": True, "route": "en+fi: en-hi"}
    curve = {"probability": [0.6, 0.1], "control": [0.01, 0.02]}
    return {
        "knockout": {
            "heads": none,
            "neurons": sites,
            "languages_hurt": list(LANGUAGES[:7]),
            "texts": 20,
            "controls": 5,
            "top_rate": 0.05,
        },
        "patching": {
            "by_target": dict.fromkeys(LANGUAGES, moved),
            "curves": {"source concept, target language": curve},
            "languages_moved": list(LANGUAGES),
            "onset": 0.6,
            "pairs": 288,
        },
    }


def test_interventions_have_tables_and_targets(effects_found):
    text = effects(effects_found)
    assert "| ar العربية | +0.500 (2) | +0.100 | +0.400 (-0.100 to +0.500) | +0.050 | +0.500 (2)" in text
    assert "+0.400 (+0.300 to +0.500) *" in text
    assert "| ar | en+fi | 0.60 (0.50 to 0.70) * | 0.30 | 0.01 | 0.990 | 1 (1 to 2) |" in text
    assert "| source concept, target language | 0.600 (0.010) | 0.100 (0.020) |" in text
    knockout, patching = effect_targets(effects_found)
    assert "8 languages: **missed**, 7 (0 by heads, 7 by neurons)" in knockout
    assert "reached, 12 of 12" in patching
    effects_found["knockout"]["languages_hurt"].append("zh")
    effects_found["patching"]["languages_moved"].pop()
    knockout, patching = effect_targets(effects_found)
    assert "reached, 8" in knockout and "**missed**, 11 of 12" in patching
    assert effects({}) == "" and effect_targets({}) == []
