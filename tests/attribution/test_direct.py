"""Direct attribution: shares by hand, shares that add up, and models whose parts do not."""

import sys

import numpy as np
import pytest
import torch
import transformers as hf

import workbench as wb
from tests.models import VOCABULARY, byte_tokenizer, tiny
from tests.oracles import direct as oracle
from workbench.attribution import parts as computing
from workbench.errors import BadArgument, BadPairs, Interrupted, UnsupportedSite, WorkbenchWarning

PROMPTS = ["Guten Tag", "a cat", "ja"]
ADDING = ["llama", "gpt2", "gemma3", "qwen3", "bloom", "cohere", "neox", "opt", "phi3", "xglm", "qwen3_moe"]
QUIET = {"progress": False}


def whole(found):
    return found.prompt_embedding_effect + found.prompt_layer_effect.sum("layer") + found.prompt_constant_effect


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_agrees_with_the_loop(wrapped, kind):
    found = wb.attribution.direct(wrapped(kind), PROMPTS, answer="x", foil="y", batch_size=2, **QUIET)
    answer, foil = (byte_tokenizer()(word)["input_ids"][1] for word in "xy")
    for row, prompt in enumerate(PROMPTS):
        ids = byte_tokenizer()(prompt)["input_ids"]
        heads, mlps, embedding, difference = oracle.shares(tiny(kind), ids, answer, foil)
        np.testing.assert_allclose(found.prompt_head_effect[row], heads, atol=1e-5)
        np.testing.assert_allclose(found.prompt_mlp_effect[row], mlps, atol=1e-5)
        assert float(found.prompt_embedding_effect[row]) == pytest.approx(embedding, abs=1e-5)
        assert float(found.prompt_difference[row]) == pytest.approx(difference, abs=1e-5)


@pytest.mark.parametrize("kind", ADDING)
def test_the_parts_sum_to_the_difference_of_the_models_logits(wrapped, kind):
    model = wrapped(kind)
    found = wb.attribution.direct(model, PROMPTS, **QUIET)
    for row, prompt in enumerate(PROMPTS):
        with torch.no_grad():
            first, second = tiny(kind)(torch.tensor([byte_tokenizer()(prompt)["input_ids"]])).logits[0, -1].topk(2)[0]
        assert float(whole(found)[row]) == pytest.approx(float(first - second), rel=1e-3, abs=1e-5)
    np.testing.assert_allclose(whole(found), found.prompt_difference, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(
        found.prompt_layer_effect, found.prompt_attention_effect + found.prompt_mlp_effect, atol=1e-6
    )
    if kind in ("llama", "qwen3", "gemma3"):  # no biases behind the heads
        np.testing.assert_allclose(found.prompt_head_effect.sum("head"), found.prompt_attention_effect, atol=1e-5)


def test_bent_logits_are_read_before_they_are_bent():
    module = tiny("gemma2")
    module.get_output_embeddings().weight.data.mul_(20)
    with pytest.warns(WorkbenchWarning, match="soft cap"):
        found = wb.attribution.direct(
            wb.load_model(module, tokenizer=byte_tokenizer()), "a cat", answer="x", foil="y", **QUIET
        )
    with torch.no_grad():
        logits = module(torch.tensor([byte_tokenizer()("a cat")["input_ids"]])).logits[0, -1].double()
    cap = module.config.final_logit_softcapping
    plain = cap * torch.atanh(logits / cap)
    answer, foil = (byte_tokenizer()(word)["input_ids"][1] for word in "xy")
    assert found.attrs["capped"] == "yes"
    assert float(whole(found)[0]) == pytest.approx(float(plain[answer] - plain[foil]), rel=1e-3)


def other(make):
    """A small random model of a shape that `tests.models` does not have."""
    small = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    small |= {"num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 64}
    torch.manual_seed(0)
    module = make({**small, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}).eval()
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    return wb.load_model(module, tokenizer=byte_tokenizer())


def test_models_that_do_not_add_what_their_parts_write_are_refused():
    model = other(lambda small: hf.GraniteForCausalLM(hf.GraniteConfig(**small, residual_multiplier=0.5)))
    with pytest.raises(UnsupportedSite, match=r"layer 0 scales, norms or mixes what .* before it adds them"):
        wb.attribution.direct(model, "a cat", **QUIET)


def test_norms_behind_every_part_are_frozen_too():
    found = wb.attribution.direct(other(lambda small: hf.Olmo2ForCausalLM(hf.Olmo2Config(**small))), PROMPTS, **QUIET)
    np.testing.assert_allclose(whole(found), found.prompt_difference, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(found.prompt_head_effect.sum("head"), found.prompt_attention_effect, atol=1e-5)


def test_languages_are_an_axis(wrapped):
    corpus = wb.load_corpus({"de": ["Guten Tag", "ja"], "fr": ["un chat", "oui"]})
    found = wb.attribution.direct(wrapped("llama"), corpus, answer="x", foil="y", **QUIET)
    assert found.head_effect.dims == ("language", "layer", "head") and found.difference.dims == ("language",)
    for code in ("de", "fr"):
        mine = found.prompt_language.values == code
        np.testing.assert_allclose(found.head_effect.sel(language=code), found.prompt_head_effect[mine].mean("prompt"))
    alone = wb.attribution.direct(wrapped("llama"), corpus.texts["fr"], answer="x", foil="y", **QUIET)
    np.testing.assert_allclose(found.mlp_effect.sel(language="fr"), alone.mlp_effect, atol=1e-6)
    assert (found.head_effect_low <= found.head_effect).all() and (found.head_effect <= found.head_effect_high).all()
    assert wb.figures.heatmap(found, "head_effect").layout.title.text == "Which heads write the answer into the logits?"


def test_pairs_bring_their_own_words(wrapped):
    items = [{"source": f"{a}+{a}=", "target": "x", "answer": a, "foil": "q"} for a in "bcd"]
    pairs = wb.load_pairs(items)
    found = wb.attribution.direct(wrapped("gpt2"), pairs, **QUIET)
    assert found.answer.values.tolist() == list("bcd") and set(found.foil.values) == {"q"}
    assert found.text.values.tolist() == ["b+b=", "c+c=", "d+d="]
    both = wb.attribution.direct(wrapped("gpt2"), {"de": pairs, "fr": wb.load_pairs(items[:1])}, **QUIET)
    np.testing.assert_allclose(both.head_effect.sel(language="de"), found.head_effect, atol=1e-6)
    np.testing.assert_allclose(both.head_effect.sel(language="fr"), found.prompt_head_effect[0], atol=1e-6)


def test_without_words_the_models_two_first_choices_are_read(wrapped):
    found = wb.attribution.direct(wrapped("llama"), "a cat", **QUIET)
    with torch.no_grad():
        logits = tiny("llama")(torch.tensor([byte_tokenizer()("a cat")["input_ids"]])).logits[0, -1]
    first, second = logits.topk(2)[0]
    assert float(found.difference) == pytest.approx(float(first - second), abs=1e-5)
    half = wb.attribution.direct(wrapped("llama"), "a cat", answer="x", **QUIET)
    assert float(half.difference) == pytest.approx(
        float(logits[byte_tokenizer()("x")["input_ids"][1]] - first), abs=1e-5
    )


def test_a_stop_gives_the_finished_prompts(wrapped, monkeypatch):
    def stop(*given):
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return computing.parts(*given)

    calls = []
    monkeypatch.setattr(sys.modules["workbench.attribution.direct"], "parts", stop)
    with pytest.raises(Interrupted, match="1 of 3 prompts are finished") as stopped:
        wb.attribution.direct(wrapped("llama"), PROMPTS, batch_size=1, **QUIET)
    assert np.isfinite(stopped.value.partial.prompt_difference).values.tolist() == [False, False, True]


def test_questions_without_sense_are_refused(wrapped):
    model = wrapped("llama")
    pairs = wb.load_pairs([{"source": "a b", "target": "x", "answer": "b", "foil": "q"}])
    for prompts, options, error, message in (
        (pairs, {"answer": "x"}, BadArgument, "pairs have answers and foils of their own"),
        ("a b", {"foil": "x"}, BadArgument, "foil='x' without an answer"),
        ("a b", {"answer": " "}, BadArgument, "no token that is more than a space"),
        ("a b", {"answer": "cat", "foil": "cow"}, BadPairs, "both begin with the token 'c'"),
        ({}, {}, BadArgument, "there are no pairs"),
    ):
        with pytest.raises(error, match=message):
            wb.attribution.direct(model, prompts, **options, **QUIET)
