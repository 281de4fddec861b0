"""Looking at one neuron: contexts by plain search, spans by hand, the logit effect by plain products."""

import numpy as np
import pytest
import torch

from tests.models import byte_tokenizer, tiny
from tests.neurons.effects.test_knockout import DOWN
from tests.neurons.tables import counts
from tests.oracles.strength import activations
from workbench.errors import BadArgument, BadResult
from workbench.neurons import look
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.look import logit_effect
from workbench.text.corpus import Corpus
from workbench.text.tokens.spans import spans

TEXTS = {"en": ("good morning", "a cat", "yes, of course"), "ar": ("صباح الخير", "قطة", "نعم")}
CORPUS = Corpus(TEXTS, aligned=True, source="test")


def pieces(text):
    return [text[start:end] for start, end, _ in spans(byte_tokenizer(), text, 999)]


def test_letters_stay_whole():
    """The tokenizer has a token for each byte; pieces are characters, with their marks."""
    assert pieces("aß日") == ["a", "ß", "日"]
    assert pieces("हिन्दी") == ["हि", "न्दी"]
    assert pieces("e\u0301a") == ["e\u0301", "a"]
    assert "".join(pieces("a b 日本 مَرحبا")) == "a b 日本 مَرحبا"
    assert [len(tokens) for _, _, tokens in spans(byte_tokenizer(), "aß日", 999)] == [1, 2, 3]
    assert pieces("abc")[: len(spans(byte_tokenizer(), "abc", 3))] == ["a", "b"]  # BOS and two letters were read


@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_contexts_are_those_of_the_plain_search(kind, wrapped):
    module, model = tiny(kind), wrapped(kind)
    found = look(model, CORPUS, 1, 7, site="neuron", contexts=2, progress=False)
    for language, rows in TEXTS.items():
        values = [np.array(activations(module, byte_tokenizer(), [text], DOWN[kind](module))[1])[:, 7] for text in rows]
        peaks = [abs(one[1:]).max() for one in values]  # BOS is no context
        order = np.argsort(peaks)[::-1][:2]
        cell = found.sel(language=language)
        assert cell.row.values.tolist() == order.tolist()
        np.testing.assert_allclose(cell.peak, np.array(peaks)[order], rtol=1e-4)
        every = np.concatenate(values)
        assert float(cell.fires) == pytest.approx((every > 0).mean())
        assert float(cell["mean"]) == pytest.approx(every.mean(), abs=1e-5)
        shown = "".join(cell.text.values[0].tolist())
        assert shown in rows[order[0]]
        assert np.nanmax(abs(cell.activation[0])) == pytest.approx(peaks[order[0]], rel=1e-4)
        assert (np.isnan(cell.activation.values) == (cell.text.values == "")).all()


def test_the_window_is_around_the_strongest_token(wrapped):
    found = look(wrapped("llama"), CORPUS, 0, 3, contexts=1, window=2, progress=False)
    assert found.sizes["piece"] <= 5
    for language in TEXTS:
        cell = found.sel(language=language).isel(context=0)
        assert float(cell.activation.max()) == pytest.approx(float(cell.peak))


def test_the_logit_effect_is_the_plain_product(wrapped):
    module = tiny("llama").requires_grad_(False)
    effect = logit_effect(wrapped("llama"), 2, 5)
    direction = module.model.layers[2].mlp.down_proj.weight[:, 5] * module.model.norm.weight
    wanted = [float(torch.dot(row, direction)) for row in module.lm_head.weight]
    np.testing.assert_allclose(effect, wanted, atol=1e-5)
    found = look(wrapped("llama"), CORPUS, 2, 5, tokens=3, progress=False)
    np.testing.assert_allclose(found.promoted_by, sorted(wanted)[::-1][:3], atol=1e-5)
    np.testing.assert_allclose(found.suppressed_by, sorted(wanted)[:3], atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "neox"])
def test_the_logit_effect_is_the_slope_through_the_frozen_norm(kind, wrapped):
    """The last norm of a state plus a little of the neuron's row, its scale held: the logits move by the effect."""
    module, model = tiny(kind), wrapped(kind)
    effect = logit_effect(model, 2, 5)
    down = model.bridge.blocks[2].mlp.out.original_component.weight.detach()
    direction = (down[5] if kind == "gpt2" else down[:, 5]).double()
    norm = {"gpt2": lambda m: m.transformer.ln_f, "neox": lambda m: m.gpt_neox.final_layer_norm}.get(
        kind, lambda m: m.model.norm
    )(module).double()
    head = module.get_output_embeddings().weight.detach().double()
    state = torch.randn(32, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    centred = kind in ("gpt2", "cohere", "neox")
    state = state - state.mean() if centred else state
    scale = state.square().mean().sqrt()
    with torch.no_grad():
        # of a change at right angles to the state the norm's scale knows nothing, to first order
        away = direction - direction.mean() if centred else direction
        away = away - state * (away @ state) / (state @ state)
        step = 0.02  # some norms count in float32
        slope = head @ (norm(state + step * away) - norm(state - step * away)) / (2 * step) * scale
        along = head @ (norm(state) - norm(torch.zeros_like(state))) * scale * (direction @ state) / (state @ state)
    np.testing.assert_allclose(effect, (slope + along).numpy(), atol=2e-3)


def test_labels_say_what_the_methods_found(wrapped):
    model = wrapped("llama")
    fired = np.zeros((2, 3, 48), dtype=int)
    fired[1, 0, 3] = 10
    classes = {"ternary": ternary(counts(fired, [10, 10], languages=["en", "ar"]), lam=0)}
    found = look(model, CORPUS, 0, 3, classes=classes, progress=False)
    assert found.label.values.tolist() == ["specific (ar)"]
    assert look(model, CORPUS, 1, 3, classes=classes, progress=False).label.values.tolist() == ["other"]
    with pytest.raises(BadResult, match="belongs to another model"):
        look(model, CORPUS, 0, 3, classes={"a": classes["ternary"].isel(layer=[0])})
    with pytest.raises(BadArgument, match="neuron 48 of layer 0 does not exist"):
        look(model, CORPUS, 0, 48)
    with pytest.raises(BadArgument, match="site='pattern'"):
        look(model, CORPUS, 0, 4, site="pattern")
    with pytest.raises(BadArgument, match="window=0"):
        look(model, CORPUS, 0, 4, window=0)
