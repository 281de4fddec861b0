"""Heads on chat corpora: only the answers' own tokens count, against plain loops over conversations written by hand."""

from functools import cache

import numpy as np
import pytest
import torch

from tests.chats import by_hand, chat_tokenizer
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, BadPairs
from workbench.heads import ablate, importance, kinds, knockout, off_target, patterns, search, shapley
from workbench.model.load import load_model
from workbench.results.make import provenance
from workbench.text.chat import template_hash
from workbench.text.corpus import Corpus
from workbench.text.pairs import Pair, Pairs
from workbench.text.tasks.questions import read_tasks

USER = "Hallo"
TEXTS = {"de": ("guten Tag", "ja"), "ja": ("犬", "水です"), "ar": ("كلب", "assistant")}
CORPUS = Corpus(TEXTS, aligned=True, source="test").as_chat(USER)
NAMES = ("chatml", "gemma", "mistral")


@cache
def model(name):
    return load_model(tiny("llama"), tokenizer=chat_tokenizer(name))


@cache
def module():
    return tiny("llama")


def projections():
    return [layer.self_attn.o_proj for layer in module().model.layers]


def loss(name, text, scale=None, put=None):
    """NLL of an answer's own tokens with heads scaled [layer, head], or with `put(layer, z)` for their outputs."""
    ids, own = by_hand(name, USER, text)

    def hook(layer):
        def edit(part, args):
            z = args[0].unflatten(-1, (4, -1))
            z = put(layer, z) if put else z * (1 if scale is None else scale[layer][:, None])
            return (z.flatten(-2),)

        return edit

    handles = [part.register_forward_pre_hook(hook(i)) for i, part in enumerate(projections())]
    try:
        logits = module()(torch.tensor([ids])).logits[0].log_softmax(-1)
    finally:
        for handle in handles:
            handle.remove()
    return -torch.stack([logits[place - 1, ids[place]] for place in own]).mean()


@torch.no_grad()
def losses(name):
    return np.array([[float(loss(name, text)) for text in texts] for texts in TEXTS.values()])


@pytest.mark.parametrize("name", NAMES)
def test_lahis_is_the_slope_of_the_answers_loss(name):
    found = importance(model(name), CORPUS, per_sample=True, progress=False)
    np.testing.assert_allclose(found.nll, losses(name).mean(1), atol=1e-5)
    for k, texts in enumerate(TEXTS.values()):
        for row, text in enumerate(texts):
            mask = torch.ones(3, 4, requires_grad=True)
            slope = torch.autograd.grad(loss(name, text, mask), mask)[0]
            np.testing.assert_allclose(found.sample_gradient[k, row], slope, atol=1e-5)
    single = importance(model(name), CORPUS, per_sample=True, batch_size=1, progress=False)
    np.testing.assert_allclose(found.sample_gradient, single.sample_gradient, atol=1e-5)
    released = importance(model(name), CORPUS.limit(1), variant="released", progress=False)
    np.testing.assert_allclose(released.nll, losses(name)[:, 0], atol=1e-5)


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_ablation_measures_and_averages_the_answers_alone(how):
    name = "gemma"
    means = torch.zeros(3, 4, 8)
    if how == "mean":
        seen, count = torch.zeros(3, 4, 8), 0
        for text in (text for texts in TEXTS.values() for text in texts):
            own = list(by_hand(name, USER, text)[1])
            count += len(own)

            def add(layer, z, own=own):
                seen[layer] += z[0, own].sum(0)
                return z

            with torch.no_grad():
                loss(name, text, put=add)
        means = seen / count
    found = ablate(model(name), CORPUS, how=how, progress=False)
    np.testing.assert_allclose(found.baseline, losses(name).mean(1), atol=1e-5)
    for layer, head in ((0, 1), (2, 3)):

        def put(here, z, layer=layer, head=head):
            z = z.clone()
            if here == layer:
                z[0, :, head] = means[layer, head]
            return z

        with torch.no_grad():
            wanted = np.array([[float(loss(name, text, put=put)) for text in texts] for texts in TEXTS.values()])
        delta = found.delta.isel(layer=layer, head=head)
        np.testing.assert_allclose(delta, (wanted - losses(name)).mean(1), atol=2e-5)


def test_other_measures_start_from_the_same_loss():
    name, truth = "chatml", losses("chatml").mean(1)
    found = ablate(model(name), CORPUS, how="resample", progress=False)
    np.testing.assert_allclose(found.baseline, truth, atol=1e-5)
    out = knockout(model(name), CORPUS, {"one": [(0, 0)]}, controls=2, progress=False)
    with torch.no_grad():
        scale = torch.ones(3, 4)
        scale[0, 0] = 0
        wanted = np.array([[float(loss(name, text, scale)) for text in texts] for texts in TEXTS.values()]).mean(1)
    np.testing.assert_allclose(out.delta.values[0], wanted - truth, atol=2e-5)
    values = shapley(model(name), CORPUS, permutations=2, tolerance=0.0, progress=False).value
    with torch.no_grad():
        none = torch.zeros(3, 4)
        bare = np.array([[float(loss(name, text, none)) for text in texts] for texts in TEXTS.values()]).mean(1)
    np.testing.assert_allclose(values.sum(("layer", "head")), bare - truth, atol=1e-4)
    assert search(model(name), CORPUS, top=2, first=2, progress=False).sizes["language"] == 3


def test_kinds_average_over_the_answers_positions():
    name = "gemma"
    found = kinds(model(name), CORPUS, progress=False)
    eager = tiny("llama")
    eager.set_attn_implementation("eager")
    for k, texts in enumerate(TEXTS.values()):
        previous, entropy = [], []
        for text in texts:
            ids, own = by_hand(name, USER, text)
            with torch.no_grad():
                shares = eager(torch.tensor([ids]), output_attentions=True).attentions
            previous.append(
                [[float(one[0, head, list(own), [p - 1 for p in own]].mean()) for head in range(4)] for one in shares]
            )
            entropy.append(
                [
                    [
                        float(-torch.xlogy(one[0, head, list(own)], one[0, head, list(own)]).sum(-1).mean())
                        for head in range(4)
                    ]
                    for one in shares
                ]
            )
        np.testing.assert_allclose(found.previous[k], np.mean(previous, 0), atol=1e-5)
        np.testing.assert_allclose(found.entropy[k], np.mean(entropy, 0), atol=1e-5)


def test_patterns_show_the_whole_conversation():
    found = patterns(model("gemma"), CORPUS, sentences=[1], progress=False)
    assert found.length.sel(sentence=1, language="de") == len(by_hand("gemma", USER, "ja")[0])


def test_generation_goes_on_from_the_beginning_of_the_answer():
    seen = []

    def identify(text):
        seen.append(text)
        return "de"

    m = model("gemma")
    found = off_target(
        m, CORPUS.select("de"), [(0, 0)], prompt=3, tokens=2, controls=1, identify=identify, progress=False
    )
    ids, own = by_hand("gemma", USER, "guten Tag")
    with torch.no_grad():
        output = module().generate(
            torch.tensor([ids[: own.start + 3]]), max_new_tokens=2, do_sample=False, pad_token_id=0
        )
    wanted = m.tokenizer.decode(output[0, own.start + 3 :].tolist(), skip_special_tokens=True)
    assert found.text.values[0, 0, 0] == wanted == seen[0]


def test_results_record_the_chat_and_its_template():
    found = importance(model("gemma"), CORPUS, progress=False)
    record = provenance(found)
    assert record["corpus"]["chat"] is True
    assert record["corpus"]["user"] == dict.fromkeys(TEXTS, USER)
    assert record["model"]["chat_template"] == template_hash(chat_tokenizer("gemma"))
    plain = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    assert plain.info["chat_template"] is None
    with pytest.raises(BadArgument, match="no chat template"):
        importance(plain, CORPUS, progress=False)


def test_questions_have_no_chat_yet():
    pairs = Pairs((Pair("ab", "cd", "e", "f"),), "test", chat=True)
    with pytest.raises(BadPairs, match="questions cannot go through a chat template yet"):
        read_tasks(pairs)
