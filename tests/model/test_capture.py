"""Captured activations: shapes, padding, and that they are the model's own."""

import numpy as np
import pytest
import torch

from workbench.errors import UnsupportedSite

TEXTS = ["hello there", "hi"]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "cohere"])
def test_shapes_padding_and_tokens(kind, wrapped):
    model = wrapped(kind)
    result = model.capture(TEXTS, ["residual", "pattern", "head", "neuron", "gate", "v"])
    assert result.residual.shape == (2, 3, 12, 32)
    assert result.z.shape == (2, 3, 12, 4, 8)
    assert result.activation.shape == result.gate.shape == (2, 3, 12, model.n_neurons)
    assert result.token.values[1].tolist() == ["<bos>", "h", "i"] + [""] * 9
    sums = result.pattern.sum("key", skipna=True).values
    np.testing.assert_allclose(sums[0], 1, atol=1e-5)
    assert np.isnan(result.residual.values[1, :, 3:]).all() and not np.isnan(result.residual.values[1, :, :3]).any()
    assert np.isnan(result.pattern.values[1, :, :, 3:]).all()


def test_the_residual_stream_is_hugging_faces_hidden_states(wrapped):
    model = wrapped("llama")
    result = model.capture("hello", "residual")
    with torch.no_grad():
        batch = model.batch("hello")
        states = model.module(input_ids=batch.ids, output_hidden_states=True).hidden_states
    wanted = torch.stack(states[:3], 1).numpy()
    np.testing.assert_allclose(result.residual.values, wanted, atol=1e-6)


def test_what_does_not_exist_is_named(wrapped):
    with pytest.raises(UnsupportedSite, match="'soul' is not a kind of site"):
        wrapped("llama").capture("hello", "soul")
    with pytest.raises(UnsupportedSite, match="residual_mid"):
        wrapped("cohere").capture("hello", "residual_mid")
    with pytest.raises(UnsupportedSite, match="layer 3 does not exist"):
        wrapped("llama").hook_point("residual", 3)
