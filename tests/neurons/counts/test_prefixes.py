"""Counts of prefixes against a plain loop over the unwrapped module: each text is tokenized once, and divided."""

import functools

import numpy as np
import pytest
import torch

from tests.borders import before, merging
from tests.chats import CHATML
from tests.models import tiny
from workbench.model.load import load_model
from workbench.neurons import firing, lape, look, ternary
from workbench.text.corpus import Corpus

TEXTS = {
    "en": ("Question: sky? Answer: blue sky", "Question: sun? Answer: hot sun"),
    "de": ("Frage: Himmel? Antwort: blauer Himmel", "Frage: 😀? Antwort: heisse Sonne"),
}
CORPUS = Corpus(TEXTS, aligned=True, source="test")


@functools.cache
def model(template):
    return load_model(tiny("llama"), tokenizer=merging(template))


def gates(ids):
    """What every neuron gives before the activation, [layer, position, neuron], from hooks on the module itself."""
    module, seen = tiny("llama"), []
    places = [layer.mlp.gate_proj for layer in module.model.layers]
    handles = [place.register_forward_hook(lambda m, a, out: seen.append(out[0])) for place in places]
    with torch.no_grad():
        module(torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    return torch.stack(seen).numpy()


def cut(text, spaces):
    return text[: text.rindex(": ") + 1 + spaces]


@pytest.mark.parametrize("spaces", [0, 1])
@pytest.mark.parametrize("template", ["<bos> $A", "$A", "<eos> $A <eos>"])
def test_a_prefix_with_and_without_its_last_space(spaces, template):
    tokenizer = merging(template)
    prefix = Corpus({k: tuple(cut(t, spaces) for t in texts) for k, texts in TEXTS.items()}, True, "prefix")
    found = firing(model(template), CORPUS, prefix=prefix, moments=True, progress=False, batch_size=2)
    for language, texts in TEXTS.items():
        fired, prefix_fired, tokens, prefix_tokens = 0, 0, 0, 0
        for text in texts:
            ids = tokenizer(text)["input_ids"][: -1 if template.endswith("<eos>") else None]
            count = before(tokenizer, text, len(cut(text, spaces)))
            on = gates(ids) > 0
            fired, prefix_fired = fired + on.sum(1), prefix_fired + on[:, :count].sum(1)
            tokens, prefix_tokens = tokens + len(ids), prefix_tokens + count
        one = found.sel(language=language)
        assert (int(one.tokens), int(one.prefix_tokens)) == (tokens, prefix_tokens)
        np.testing.assert_array_equal(one.fired, fired)
        np.testing.assert_array_equal(one.prefix_fired, prefix_fired)
    assert (found.squares >= found.prefix_squares).all()
    ternary(found, top_rate=0.1)
    lape(found, top_rate=0.1)


def test_both_cuts_leave_the_same_response():
    counts = [
        firing(
            model("<bos> $A"),
            CORPUS,
            prefix=Corpus({k: tuple(cut(t, n) for t in texts) for k, texts in TEXTS.items()}, True, "prefix"),
            progress=False,
        )
        for n in (0, 1)
    ]
    np.testing.assert_array_equal(counts[0].prefix_fired, counts[1].prefix_fired)


def test_prefixes_in_a_chat_are_cut_in_the_template():
    tokenizer = merging("<bos> $A")
    tokenizer.chat_template = CHATML.replace("m['content']", "m['content'] | trim")
    texts = {"en": (" blue sky", "hot sun"), "de": ("blauer Himmel", "heisse Sonne")}
    prefix = {"en": (" blue ", "hot "), "de": ("blauer ", "heisse ")}
    chat = load_model(tiny("llama"), tokenizer=tokenizer)
    corpus = Corpus(texts, True, "test").as_chat("u")
    found = firing(chat, corpus, prefix=Corpus(prefix, True, "prefix"), progress=False)
    assert (found.tokens - found.prefix_tokens).values.tolist() == [3 + 3, 6 + 5]  # " s" and " H" are tokens


def test_only_the_first_of_several_in_front_counts():
    tokenizer = merging("<eos> <bos> $A")
    texts = {k: rows[:1] for k, rows in TEXTS.items()}
    found = firing(model("<eos> <bos> $A"), Corpus(texts, True, "test"), progress=False)
    for language, (text,) in texts.items():
        on = gates(tokenizer(text)["input_ids"]) > 0
        np.testing.assert_array_equal(found.fired.sel(language=language), on[:, 0] + on[:, 2:].sum(1))


@pytest.mark.parametrize("template", ["<eos> $A", "<eos> <bos> $A", "$A <eos>"])
def test_a_look_shows_no_token_in_front(template):
    tokenizer = merging(template, merges=())
    m = load_model(tiny("llama"), tokenizer=tokenizer)
    found = look(m, Corpus({"en": ("abc",), "de": ("xy",)}, True, "test"), 1, 5, contexts=1, progress=False)
    front = template.split().index("$A")
    for language, text in (("en", "abc"), ("de", "xy")):
        values = gates(tokenizer(text)["input_ids"])[1, front : front + len(text), 5]
        one = found.sel(language=language)
        assert [piece for piece in one.text.values[0] if piece] == list(text)
        np.testing.assert_allclose(one.activation.values[0, : len(text)], values, atol=1e-5)
        np.testing.assert_allclose(one.peak, [values.max()], atol=1e-5)
