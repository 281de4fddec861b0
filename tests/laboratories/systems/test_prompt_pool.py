"""The laboratory of prompts: its conditions, its measures, and what its sentence may claim."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.cases import CORPUS, WORDS, base
from tests.models import byte_tokenizer
from workbench.errors import BadArgument
from workbench.laboratories.parts.information import bits
from workbench.laboratories.systems.prompt_pool import sentence

SMALL = {"words": WORDS, "corpus": CORPUS, "tokenizer": byte_tokenizer(), "progress": False}


@pytest.fixture(scope="module")
def result():
    controls = ("plain", "fixed_keys", "by_language", "equal_weights")
    return wb.laboratories.prompt_pool(base(), pool=2, length=2, steps=4, batch=1, seeds=2, controls=controls, **SMALL)


def test_every_condition_is_measured(result):
    assert result.condition.values.tolist() == [
        "before", "recipe", "plain", "fixed_keys", "by_language", "equal_weights",
    ]  # fmt: skip
    assert result.measure.values.tolist() == ["bits per byte", "bits per byte, other query"]
    assert not np.isnan(result.change).any()
    assert (result.change.sel(condition="before") == 0).all()
    assert (result.change.sel(condition="recipe") != 0).any()
    without_keys = result.score.sel(condition=["plain", "by_language"])
    np.testing.assert_allclose(without_keys.isel(measure=0), without_keys.isel(measure=1), atol=1e-6)


def test_information_is_that_of_the_shares_that_are_reported(result):
    assert np.isnan(result.information.sel(condition=["before", "plain", "equal_weights"])).all()
    np.testing.assert_allclose(result.information.sel(condition="by_language"), np.log2(3))
    for condition in ("recipe", "fixed_keys"):
        for seed in (0, 1):
            shares = result.retrieved.sel(condition=condition, seed=seed)
            np.testing.assert_allclose(shares.sum("prompt"), 1)
            expected = bits(shares.values)  # as many texts in each language
            assert float(result.information.sel(condition=condition, seed=seed)) == pytest.approx(expected)
            assert float(result.permuted_information.sel(condition=condition, seed=seed)) >= 0


def test_the_same_keys_are_trained_and_fixed(result):
    apart = result.loss.sel(condition="recipe") - result.loss.sel(condition="fixed_keys")
    assert (apart.isel(step=0) == 0).all()
    assert (apart.isel(step=-1) != 0).any()


def test_a_result_is_saved(result, tmp_path):
    saved = wb.load_result(wb.save_result(result, tmp_path / "pool.nc"))
    assert saved.attrs["finding"] == result.attrs["finding"]
    assert saved.retrieved.equals(result.retrieved)


def with_information(result, recipe, fixed, permuted):
    changed = result.copy(deep=True)
    changed.information.loc[{"condition": "recipe"}] = recipe
    changed.information.loc[{"condition": "fixed_keys"}] = fixed
    changed.permuted_information.loc[{"condition": "recipe"}] = permuted
    return sentence(changed)


def test_the_sentence_claims_no_more_than_the_numbers(result):
    assert "shares 0.20 to 0.90 bits with the language (permuted: 0.30): no clustering." in with_information(
        result, [0.2, 0.9], [0.1, 0.1], [0.3, 0.3]
    )
    assert "with fixed random keys 0.50 bits: it follows languages, and training adds to it in 2 of 2 seeds." in (
        with_information(result, [0.8, 0.9], [0.5, 0.5], [0.3, 0.3])
    )
    assert "it follows languages, but not more in every seed than keys without training." in (
        with_information(result, [0.8, 0.9], [0.5, 0.95], [0.3, 0.3])
    )
    assert "it follows languages in 2 of 2 seeds." in sentence(
        with_controls(result, 0.8).drop_sel(condition="fixed_keys", control="fixed_keys")
    )


def with_controls(result, value):
    changed = result.copy(deep=True)
    changed.information.loc[{"condition": "recipe"}] = value
    changed.permuted_information.loc[{"condition": "recipe"}] = 0.1
    return changed


def test_the_sentence_says_what_helped(result):
    changed = result.copy(deep=True)
    for name, helps, excess in (("plain", 1, -0.2), ("fixed_keys", 0, -0.01), ("by_language", -1, 0.3)):
        changed.mean_helps.loc[{"control": name, "measure": "bits per byte"}] = helps
        changed.mean_excess.loc[{"control": name, "measure": "bits per byte"}] = excess
    text = sentence(changed)
    assert "-0.2" in text and "against one prompt of equal length: it helps" in text
    assert "against random keys that are not trained: it is undecided" in text
    assert "against a prompt for each language: it hurts" in text


@pytest.mark.parametrize("bad", [{"pool": 1}, {"texts": 0}, {"controls": ["nothing"]}, {"length": -1}])
def test_bad_options_are_refused(bad):
    with pytest.raises(BadArgument):
        wb.laboratories.prompt_pool(base(), **{**SMALL, **bad}, quick=True)
