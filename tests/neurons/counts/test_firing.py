"""Firing counts against the plain loop, and their invariances."""

import numpy as np
import pytest

from tests.models import byte_tokenizer, tiny
from tests.oracles import firing as oracle
from workbench.errors import BadCorpus, Interrupted, UnsupportedSite
from workbench.neurons import firing
from workbench.text.corpus import Corpus

TEXTS = {"en": ("good morning", "a cat", "yes, of course"), "de": ("guten Morgen", "eine Katze", "ja")}
CORPUS = Corpus(TEXTS, aligned=True, source="test")
ACTIVATIONS = {
    "llama": lambda m: [layer.mlp.act_fn for layer in m.model.layers],
    "gpt2": lambda m: [layer.mlp.act for layer in m.transformer.h],
    "gemma2": lambda m: [layer.mlp.act_fn for layer in m.model.layers],
    "neox": lambda m: [layer.mlp.act for layer in m.gpt_neox.layers],
}


def count(model, corpus=CORPUS, **options):
    return firing(model, corpus, progress=False, **options)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_counts_are_those_of_the_plain_loop(kind, wrapped):
    module = tiny(kind)
    wanted = oracle.firing(module, byte_tokenizer(), TEXTS, ACTIVATIONS[kind](module))
    result = count(wrapped(kind))
    assert result.fired.dtype == result.tokens.dtype == np.int64
    for language, truth in wanted.items():
        assert int(result.tokens.sel(language=language)) == truth["tokens"]
        np.testing.assert_array_equal(result.fired.sel(language=language).values, truth["fired"])


@pytest.mark.parametrize("kind", ["llama", "bloom", "phi3", "opt", "xglm", "cohere"])
def test_batches_and_order_of_samples_change_nothing(kind, wrapped):
    model = wrapped(kind)
    whole, single = count(model), count(model, batch_size=1)
    np.testing.assert_array_equal(whole.fired, single.fired)
    turned = Corpus({k: v[::-1] for k, v in TEXTS.items()}, aligned=True, source="test")
    np.testing.assert_array_equal(whole.fired, count(model, turned).fired)


def test_a_prefix_counts_what_its_texts_alone_count(wrapped):
    model = wrapped("llama")
    prefix = Corpus({k: tuple(t[:2] for t in v) for k, v in TEXTS.items()}, aligned=True, source="prefix")
    result = count(model, prefix=prefix)
    np.testing.assert_array_equal(result.prefix_fired, count(model, prefix).fired)
    np.testing.assert_array_equal(result.fired, count(model).fired)
    assert result.prefix_tokens.values.tolist() == [9, 9]  # BOS and two bytes, three texts


def test_a_prefix_that_begins_nothing_is_refused(wrapped):
    prefix = Corpus(dict.fromkeys(TEXTS, ("x",) * 3), aligned=True, source="prefix")
    with pytest.raises(BadCorpus, match="prefix 0 in 'en' does not begin its text"):
        count(wrapped("llama"), prefix=prefix)


def test_experts_are_refused(wrapped):
    with pytest.raises(UnsupportedSite, match="neuron"):
        count(wrapped("qwen3_moe"))


def test_an_interrupt_keeps_the_finished_batches(wrapped, monkeypatch):
    from workbench.neurons.counts.firing import Counter

    update, calls = Counter.update, []

    def interrupted(self, batch):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        update(self, batch)

    monkeypatch.setattr(Counter, "update", interrupted)
    with pytest.raises(Interrupted, match="after 2 of 6 texts") as caught:
        count(wrapped("llama"), batch_size=1)
    assert int(caught.value.partial.tokens.sum()) == sum(len(b.ids[0]) for b in calls[:2])
