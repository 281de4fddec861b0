"""Neurons on chat corpora: only the answers' own tokens count, against plain loops over conversations by hand."""

from functools import cache

import numpy as np
import pytest
import torch

from tests.chats import by_hand, chat_tokenizer
from tests.models import tiny
from workbench.model.load import load_model
from workbench.neurons import by_trigrams, experts, firing, generation_share, look, plnd, routing, ternary
from workbench.neurons.counts.activity import mean, per_text
from workbench.neurons.counts.strength import means
from workbench.neurons.mixtures.routing import Counter
from workbench.neurons.stability import pieces
from workbench.text.batches import Encoded, batches, collate
from workbench.text.corpus import Corpus

USER = "Hallo"
TEXTS = {"de": ("guten Tag", "ja genau", "nein"), "ja": ("犬です", "水", "はい")}
CORPUS = Corpus(TEXTS, aligned=True, source="test").as_chat(USER)
NAMES = ("chatml", "gemma", "llama", "twice")


@cache
def model(name):
    return load_model(tiny("llama"), tokenizer=chat_tokenizer(name))


@torch.no_grad()
def activity(name, text):
    """Gates and activations at an answer's own tokens, [layer, token, neuron]: act(gate) and act(gate) * up."""
    module, gates, values = tiny("llama"), [], []
    handles = []
    for layer in module.model.layers:
        handles.append(layer.mlp.act_fn.register_forward_hook(lambda m, a, output: gates.append(output[0])))
        handles.append(layer.mlp.down_proj.register_forward_pre_hook(lambda m, args: values.append(args[0][0])))
    ids, own = by_hand(name, USER, text)
    module(torch.tensor([ids]))
    return torch.stack(gates)[:, list(own)], torch.stack(values)[:, list(own)]


@pytest.mark.parametrize("name", NAMES)
def test_firing_is_counted_at_the_answers_tokens(name):
    found = firing(model(name), CORPUS, moments=True, progress=False)
    for language, texts in TEXTS.items():
        parts = [activity(name, text) for text in texts]
        fired = sum((gates > 0).sum(1) for gates, _ in parts)
        tokens = sum(gates.shape[1] for gates, _ in parts)
        assert int(found.tokens.sel(language=language)) == tokens == sum(len(text.encode()) for text in texts)
        np.testing.assert_array_equal(found.fired.sel(language=language), fired)
        average = sum(values.sum(1) for _, values in parts) / tokens
        np.testing.assert_allclose(means(found)[0].sel(language=language), average, atol=1e-4)
    single = firing(model(name), CORPUS, moments=True, batch_size=1, progress=False)
    np.testing.assert_array_equal(found.fired, single.fired)
    ternary(found, top_rate=0.1)


def test_routing_is_counted_at_the_answers_tokens():
    m = load_model(tiny("qwen3_moe"), tokenizer=chat_tokenizer("gemma"))
    found = routing(m, CORPUS, permutations=0, progress=False)
    for language, texts in TEXTS.items():
        wanted = 0
        for text in texts:  # what an answer adds to the counts of what stands before it
            ids, own = by_hand("gemma", USER, text)
            for end, sign in ((own.stop, 1), (own.start, -1)):
                counter = Counter(m, Corpus({language: ("x",)}, False, "test"))
                counter.update(collate([Encoded(ids[:end], language, 0)], 0))
                wanted = wanted + sign * counter.fired[language].sum(0)
        np.testing.assert_array_equal(found.fired.sel(language=language), wanted)
        assert int(found.tokens.sel(language=language)) == sum(len(text.encode()) for text in texts)


def test_prefixes_are_answers_too_and_pieces_stay_chats():
    m = model("gemma")
    prefix = Corpus({k: tuple(text[:2] for text in texts) for k, texts in TEXTS.items()}, True, "prefix")
    found = firing(m, CORPUS, prefix=prefix, progress=False)
    assert found.prefix_tokens.values.tolist() == [6, 15]  # the bytes of up to two characters of three texts
    np.testing.assert_array_equal(found.prefix_fired, firing(m, prefix.as_chat(USER), progress=False).fired)
    parts = pieces(m, CORPUS, 3, progress=False)
    whole = firing(m, CORPUS, progress=False)
    np.testing.assert_array_equal(sum(part.fired.values for part in parts), whole.fired)


@pytest.mark.parametrize("side", ["left", "right"])
def test_means_of_texts_do_not_depend_on_the_padding(side):
    m = model("chatml")
    for batch in batches(m.encode(CORPUS), batch_size=4, pad_id=m.pad_id, side=side):
        for row, language, values in zip(batch.rows, batch.languages, per_text(m, batch, mean), strict=True):
            wanted = activity("chatml", TEXTS[language][row])[1].mean(1)
            if side == "right":  # position ids of the tiny model start at the first column, so only the right compares
                np.testing.assert_allclose(values, wanted, atol=1e-5)
            assert values.shape == wanted.shape


def test_detectors_take_chats():
    assert experts(model("llama"), CORPUS, progress=False).sizes["language"] == 2
    assert plnd(model("llama"), CORPUS, top_rate=0.1, progress=False).sizes["language"] == 2


def test_a_look_shows_the_answers_alone():
    found = look(model("gemma"), CORPUS, 1, 5, contexts=3, window=40, progress=False)
    for language, texts in TEXTS.items():
        gates = torch.cat([activity("gemma", text)[0][1, :, 5] for text in texts])
        assert float(found.fires.sel(language=language)) == pytest.approx(float((gates > 0).float().mean()))
        shown = {"".join(row) for row in found.text.sel(language=language).values}
        assert shown == set(texts)


def test_generation_goes_on_from_the_answer():
    m = model("gemma")
    found = generation_share(
        m, CORPUS, {"some": [(0, 0)]}, by_trigrams(Corpus(TEXTS, True, "t")), controls=0, tokens=2, progress=False
    )
    ids, own = by_hand("gemma", USER, "nein")
    with torch.no_grad():
        output = tiny("llama").generate(
            torch.tensor([ids[: own.stop]]), max_new_tokens=2, do_sample=False, pad_token_id=0
        )
    wanted = m.tokenizer.decode(output[0, own.stop :].tolist(), skip_special_tokens=True)
    assert found.text.sel(group="none", language="de").values[2] == wanted
