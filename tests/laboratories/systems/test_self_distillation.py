"""Self-distillation: a tiny model that knows German, what is measured, and what is refused."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.teaching import public, words_materials
from workbench.errors import BadArgument, BadCorpus
from workbench.laboratories.bench import Plain
from workbench.laboratories.systems.self_distillation import measured

LAB = wb.laboratories


@pytest.fixture(scope="module")
def small():
    return public()["laboratories.self_distillation"]


def test_a_quick_run_of_a_tiny_model_gives_the_whole_result(small):
    result = LAB.self_distillation(**{**small, "controls": ("reference", "shuffled", "translation")})
    names = [f"exact match, into {group}" for group in ("fr", "de", "the others")]
    assert result.measure.values.tolist() == [*names, "bits per byte, de"]
    assert result.condition.values.tolist() == ["before", "recipe", "reference", "shuffled", "translation"]
    assert np.isfinite(result.loss.isel(condition=slice(1, None))).all()
    assert result.attrs["answers_used"] > 10
    assert 0.8 < result.attrs["answers_right"] <= 1


def test_measures_have_their_own_languages():
    model = Plain(words_materials().base, words_materials().tokenizer)
    into = {values.name: set(values.language.values) for values in
            (measure(model) for measure in measured(words_materials(), "de", "fr", 6))}  # fmt: skip
    assert into == {
        "exact match, into fr": {"fr"},
        "exact match, into de": {"de"},
        "exact match, into the others": {"en"},
        "bits per byte, de": {"de"},
    }


def test_a_base_that_cannot_answer_is_refused(small):
    with pytest.raises(BadCorpus, match="none is left"):
        LAB.self_distillation(**{**small, "base": words_materials().base})


@pytest.mark.parametrize("change", [{"target": "de"}, {"planting": -1}, {"items": 0}, {"controls": ("text",)}])
def test_wrong_options(small, change):
    with pytest.raises(BadArgument):
        LAB.self_distillation(**{**small, **change})
