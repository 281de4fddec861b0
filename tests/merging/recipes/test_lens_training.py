"""The terms and the subspace of Lens, by hand."""

import numpy as np
import pytest
import torch

from tests.merging.recipes.cases import planted
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, BadResult
from workbench.merging.recipes.lens_training import LensTraining, NormedSpace, pooled, terms
from workbench.model import capture
from workbench.model.load import load_model
from workbench.steering.subspace import subspace
from workbench.text.corpus import Corpus


@pytest.fixture(scope="module")
def model():
    return load_model(tiny("llama"), tokenizer=byte_tokenizer())


def test_the_subspace_is_carried_through_the_norm(model):
    made = planted(model)
    space = NormedSpace.of(model, made, "en")
    assert torch.allclose(space.basis @ space.basis.T, torch.eye(2), atol=1e-5)
    assert torch.allclose(space.basis @ space.common, torch.zeros(2), atol=1e-5)
    assert torch.isclose(space.common.norm(), torch.tensor(1.0))
    last = made.isel(layer=-1)
    state = torch.as_tensor(last["shift"].sel(language="de").values, dtype=torch.float32)
    state = state / state.norm() * 4  # of the mean length, so that the norm divides by what the subspace was divided by
    normed = model.bridge.ln_final(state[None, None])[0].detach()
    assert torch.allclose(space.inside(normed), normed, atol=1e-4)
    shift = last["shift"].sel(language="fr") - last["shift"].sel(language="en")
    shift = torch.as_tensor(shift.values, dtype=torch.float32)
    expected = model.norm_scale()[0] * shift / (4 / np.sqrt(model.d_model))
    assert torch.allclose(space.shift["fr"], expected, atol=1e-4)


@pytest.mark.parametrize("measured_with", [None, "de", "en"])
def test_the_shift_starts_from_the_pivot_of_the_training(model, measured_with):
    texts = {"en": ("a dog", "it is"), "de": ("ein Hund", "es ist"), "fr": ("un chien", "il est")}
    measured = subspace(model, Corpus(texts, aligned=True, source="x"), pivot=measured_with, progress=False)
    space = NormedSpace.of(model, measured, "en")
    last = {
        language: np.mean([capture(model, text, "residual_post").residual_post.values[0, -1, -1] for text in own], 0)
        for language, own in texts.items()
    }
    basis = measured["basis"].values[-1]
    factor = model.norm_scale()[0].numpy() / (float(measured["residual_norm"][-1]) / np.sqrt(model.d_model))
    for language, mean in last.items():
        moved = factor * ((mean - last["en"]) @ basis.T @ basis)
        np.testing.assert_allclose(space.shift[language], moved, atol=1e-4 * np.abs(factor).max())


def test_the_terms_equal_a_loop():
    space = NormedSpace(
        basis=torch.tensor([[1.0, 0, 0, 0]]),
        common=torch.tensor([0, 1.0, 0, 0]),
        shift={"en": torch.zeros(4), "de": torch.tensor([2.0, 0, 0, 0]), "fr": torch.tensor([-1.0, 0, 0, 0])},
    )
    states = torch.tensor([[3.0, 1, 0, 0], [1.0, 2, 5, 0], [0.5, 4, 0, 7]])  # de, en, fr
    frozen = torch.tensor([1.5, 2, 5, 1])
    made = terms(states, frozen, ["de", "en", "fr"], 1, space, 0.5)
    assert np.isclose(made["retain"], (0.5**2 + 0 + 0 + 1) / 4)
    assert np.isclose(made["align"], ((1 - 2) ** 2 + (4 - 2) ** 2) / 8)
    assert np.isclose(made["separate"], ((3 - 1.5 - 0.5 * 2) ** 2 + (0.5 - 1.5 + 0.5 * 1) ** 2) / 8)


def test_states_are_means_over_a_texts_own_tokens(model):
    batch = model.batch(["abcdef", "xy"])
    states = model.states(batch).detach()
    rows = pooled(model, batch).detach()
    for row, length in enumerate(batch.lengths.tolist()):
        assert torch.allclose(rows[row], states[row, :length].mean(0), atol=1e-5)


def test_the_rate_rises_and_falls_as_a_cosine():
    recipe = LensTraining(warmup=0.1)
    factors = [recipe.factor(step, 100) for step in range(100)]
    assert np.allclose(factors[:9], np.arange(1, 10) / 10)
    assert np.allclose(factors[10:], [0.5 * (1 + np.cos(np.pi * step / 90)) for step in range(90)])
    assert recipe.factor(0, 1) == 1


def test_a_subspace_of_another_model_is_refused(model):
    other = load_model(tiny("gpt2"), tokenizer=byte_tokenizer())
    narrow = planted(model).isel(d=slice(5))
    with pytest.raises(BadResult, match="belongs to another model"):
        NormedSpace.of(other, narrow, "en")
    with pytest.raises(BadResult, match="has no basis"):
        NormedSpace.of(model, planted(model).drop_vars("basis"), "en")
    bad = np.full((model.n_layers, model.d_model), np.nan)
    with pytest.raises(BadResult, match="NaN or infinite"):
        NormedSpace.of(model, planted(model, agnostic=(("layer", "d"), bad)), "en")


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"retain": -1.0}, {"warmup": 1.0}, {"rows": 0}, {"epochs": 0}])
def test_a_recipe_out_of_range_is_refused(wrong):
    with pytest.raises(BadArgument, match=f"{next(iter(wrong))}="):
        LensTraining(**wrong)
