"""Captured activations: shapes, padding, and that they are the model's own."""

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, UnsupportedSite
from workbench.results.make import provenance
from workbench.text.corpus import Corpus

TEXTS = ["hello there", "hi"]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "cohere"])
def test_shapes_padding_and_tokens(kind, wrapped):
    model = wrapped(kind)
    result = wb.model.capture(model, TEXTS, ["residual", "pattern", "head", "neuron", "gate", "v"])
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
    result = wb.model.capture(model, "hello", "residual")
    with torch.no_grad():
        batch = model.batch("hello")
        states = model.module(input_ids=batch.ids, output_hidden_states=True).hidden_states
    wanted = torch.stack(states[:3], 1).numpy()
    np.testing.assert_allclose(result.residual.values, wanted, atol=1e-6)


def test_what_does_not_exist_is_named(wrapped):
    with pytest.raises(UnsupportedSite, match="'soul' is not a kind of site"):
        wb.model.capture(wrapped("llama"), "hello", "soul")
    with pytest.raises(UnsupportedSite, match="residual_mid"):
        wb.model.capture(wrapped("cohere"), "hello", "residual_mid")
    with pytest.raises(UnsupportedSite, match="layer 3 does not exist"):
        wrapped("llama").hook_point("residual", 3)


CORPUS = Corpus({"de": ("Hallo Welt",), "en": ("Hello world",)}, True, "test")


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("batch", (None,), "texts=None; give a text or a list of texts"),
        ("encode", ("Hello",), r"corpus='Hello' is a text; load it first: wb\.load_corpus"),
        ("encode", (None,), r"corpus=None; give a Corpus \(wb\.load_corpus\)"),
        ("logits", (3,), "batch=3; give a Batch or a text or a list of texts"),
        ("states", (None,), "batch=None; give a Batch"),
        ("hook_point", ("head", "a"), "layer='a'; give a whole number"),
        ("require", ([],), "ability=.*; give a text"),
    ],
)
def test_methods_refuse_what_they_do_not_take(wrapped, method, given, message):
    with pytest.raises(BadArgument, match=message):
        getattr(wrapped("llama"), method)(*given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((3, "pattern"), "texts=3; give a text or a list of texts"),
        ((CORPUS, "pattern"), "texts=<Corpus>; give a text or a list of texts"),
        (("Hello", None), "sites=None; give a text or a list of texts"),
        ((["a", None], "pattern"), r"texts=\['a', None\]; give a text or a list of texts"),
    ],
)
def test_capture_refuses_what_it_does_not_take(wrapped, given, message):
    with pytest.raises(BadArgument, match=message):
        wb.model.capture(wrapped("llama"), *given)


def test_no_text_is_refused(wrapped):
    with pytest.raises(BadCorpus, match="has no text"):
        wb.model.capture(wrapped("llama"), [], "pattern")


def test_half_a_character_is_read_as_the_replacement_character(wrapped):
    with pytest.warns(UserWarning, match=r"texts: .*\(1\): U\+D83D \(half a character, read as U\+FFFD\) in 1"):
        actual = wb.model.capture(wrapped("llama"), "a\ud83d", "residual")
    expected = wb.model.capture(wrapped("llama"), "a\ufffd", "residual")
    np.testing.assert_array_equal(actual.residual, expected.residual)
    assert provenance(actual)["parameters"]["texts"] == ["a\ufffd"]
