"""What every architecture must be able to do; a fault planted in any path costs the ability, with a reason."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf

import workbench as wb
from tests.models import byte_tokenizer, save, tiny
from workbench.errors import BadCorpus, BrokenModel, UnsupportedSite, WorkbenchWarning
from workbench.model import effective_weights
from workbench.model.checks import check, restarts
from workbench.model.checks.costs import COSTS
from workbench.model.forward.generate import generate
from workbench.model.loading import cache_argument, wrap

ALL = set(COSTS)
LACKS = {  # and nothing else, whatever the version of transformers
    "gpt2": {"fused"},  # its attention does not pass the module whose input is edited
    "llama": set(),
    "qwen2": set(),
    "qwen3": set(),
    "gemma2": {"fused"},  # soft-capped scores
    "gemma3": set(),
    "mistral": set(),
    "bloom": {"fused"},  # alibi
    "cohere": set(),
    "cohere2": set(),
    "neox": set(),
    "phi3": set(),
    "opt": {"pattern", "linear"},  # patterns that cannot be edited cannot be made constant
    "xglm": {"pattern", "fused", "linear"},
    "qwen3_moe": {"neuron"},
}
CORPUS = {"en": ["Hello there", "Good day"], "de": ["Hallo du", "Guten Tag"]}


def load(kind="llama", **options):
    return wb.load_model(tiny(kind), tokenizer=byte_tokenizer(), **options)


def corpus():
    return wb.load_corpus(pd.DataFrame(CORPUS))


def greedy(module, ids, tokens):
    """One full pass for every token."""
    ids, start = list(ids), len(ids)
    for _ in range(tokens):
        with torch.no_grad():
            ids.append(int(module(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        if ids[-1] == byte_tokenizer().eos_token_id:
            break
    return byte_tokenizer().decode(ids[start:], skip_special_tokens=True)


@pytest.mark.parametrize("kind", LACKS)
def test_every_architecture_can_do_what_it_must(kind, wrapped):
    model = wrapped(kind)
    assert {ability for ability in ALL if not model.abilities[ability]} == LACKS[kind]
    assert set(model.lost) == LACKS[kind]
    assert set(model.abilities) == ALL


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "gemma2", "bloom", "cohere", "neox"])
def test_narrow_types_can_do_the_same(kind, dtype):
    model = load(kind, dtype=dtype)
    assert {ability for ability in ALL if not model.abilities[ability]} == LACKS[kind]
    assert model.plain_head == (kind not in ("gemma2", "cohere"))  # those cap and scale their logits


@pytest.mark.parametrize("kind", LACKS)
def test_cached_generation_is_a_full_pass_for_every_token(kind, wrapped):
    model = wrapped(kind)
    encoded = model.encode(corpus())
    wanted = [greedy(tiny(kind), text.ids, 8) for text in encoded]
    assert generate(model, encoded, tokens=8, batch_size=3) == wanted


def forget_the_cache(monkeypatch):
    """Attention that takes a cache and does not read it, as TransformerLens 4.3 did with transformers 5.24."""

    def ignore_cache(bridge):
        for part in bridge.modules():
            if hasattr(type(part), "_update_kv_cache"):
                part.__dict__["_update_kv_cache"] = lambda keys, values, **options: (keys, values)

    monkeypatch.setattr(wrap, "accept_both_names", ignore_cache)
    monkeypatch.setattr(check, "recall", lambda key: None)  # the same weights were checked without the fault
    monkeypatch.setattr(check, "remember", lambda key, model: None)


@pytest.mark.parametrize("kind", ["llama", "bloom", "gemma3"])
def test_a_cache_that_is_ignored_costs_restarts_and_cached_generation(kind, monkeypatch):
    fast = wb.heads.ablate(load(kind), corpus(), progress=False)
    forget_the_cache(monkeypatch)
    model = load(kind)
    assert not model.abilities["restart"] and not model.abilities["generate"]
    assert "key-value cache empty" in model.lost["restart"]
    assert "generation with a cache differs from the logits of full passes by" in model.lost["generate"]
    assert all(model.abilities[ability] for ability in ("head", "pattern", "neuron"))
    encoded = model.encode(corpus())
    with pytest.warns(WorkbenchWarning, match="every token runs the whole text again"):
        texts = generate(model, encoded, tokens=6, batch_size=2)
    assert texts == [greedy(tiny(kind), text.ids, 6) for text in encoded]
    with pytest.raises(UnsupportedSite, match="cannot do 'restart'"):
        wb.patching.concepts(model, wb.load_words(languages=["de", "fr"]), source="de", target="fr", progress=False)
    with pytest.warns(WorkbenchWarning, match="every cell runs the whole model"):
        slow = wb.heads.ablate(model, corpus(), progress=False)
    np.testing.assert_allclose(slow.delta, fast.delta, atol=1e-5)


def test_both_names_of_a_cache_are_read():
    seen = []

    class Part(torch.nn.Module):
        def _update_kv_cache(self, keys, values, **options):
            seen.append(options.get("past_key_values"))
            return keys, values

    part = Part()
    cache_argument.accept_both_names(torch.nn.ModuleList([part]))
    part._update_kv_cache(1, 2, cache="new")
    part._update_kv_cache(1, 2, past_key_values="old")
    part._update_kv_cache(1, 2, cache=None)
    assert seen == ["new", "old", None]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "cohere"])
def test_a_wrong_output_projection_costs_restarts(kind, monkeypatch):
    right = effective_weights.effective_weight

    def wrong(projection, width):
        return right(projection, width) * (1.01 if width == 32 else 1.0)

    monkeypatch.setattr("workbench.model.model.effective_weight", wrong)
    model = load(kind)
    assert not model.abilities["restart"]
    assert "changed by W_O" in model.lost["restart"]


@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_runs_that_forget_scaled_neurons_are_seen(kind, monkeypatch):
    right = restarts.rescale

    def forgetful(recording, *, heads=None, neurons=None, **options):
        return right(recording, heads=heads, neurons=None if neurons is None else neurons.clamp(min=1.0), **options)

    monkeypatch.setattr(restarts, "rescale", forgetful)
    model = load(kind)
    assert not model.abilities["neuron"] and "with scaled neurons differs" in model.lost["neuron"]
    assert model.abilities["restart"] and model.abilities["head"]


def test_fused_attention_that_ignores_soft_caps_is_seen(monkeypatch):
    module = tiny("gemma2")
    monkeypatch.setattr(type(module), "_supports_sdpa", True)
    model = wb.load_model(module, tokenizer=byte_tokenizer())
    assert not model.abilities["fused"]
    assert "differs from the logits by" in model.lost["fused"] or "softcap" in model.lost["fused"]  # newer ones raise


@pytest.mark.parametrize("fault", [AttributeError("no such thing"), RuntimeError("shape")])
def test_a_trial_that_raises_says_what(fault, monkeypatch):
    def broken(*_, **__):
        raise fault

    monkeypatch.setattr(restarts, "call_after_attention", broken)
    model = load()
    assert not model.abilities["restart"] and str(fault) in model.lost["restart"]
    assert model.abilities["head"] and model.abilities["pattern"] and model.abilities["neuron"]


@pytest.mark.parametrize("how", ["soft cap", "scale", "bias"])
def test_heads_that_are_more_than_a_matrix_are_seen_by_trying(how):
    module = tiny("llama")
    ids = torch.tensor([[1, 20, 30, 40]])
    plain = module.forward

    def forward(*args, **options):
        output = plain(*args, **options)
        change = {"soft cap": lambda x: 30 * torch.tanh(x / 30), "scale": lambda x: x * 0.0625, "bias": lambda x: x + 1}
        output.logits = change[how](output.logits)
        if how == "bias":  # moves one token alone, else the loss would not see it
            output.logits = output.logits - 1 + torch.nn.functional.one_hot(torch.tensor(5), output.logits.shape[-1])
        return output

    module.forward = forward
    wanted = module(input_ids=ids).logits[0].log_softmax(-1)[torch.arange(3), ids[0, 1:]].neg().mean()
    model = wb.load_model(module, tokenizer=byte_tokenizer())
    assert not model.plain_head
    from workbench.model.forward.record import record
    from workbench.model.metrics import nll
    from workbench.text.batches import Batch

    batch = Batch(ids, torch.ones_like(ids), ("",), (0,))
    loss = nll.read(model, record(model, batch).residual[-1][None], batch)
    torch.testing.assert_close(loss[0, 0], wanted, atol=1e-5, rtol=1e-5)


def test_a_head_whose_path_is_unknown_is_refused():
    module = tiny("llama")
    plain = module.forward

    def forward(input_ids=None, **options):
        output = plain(input_ids=input_ids, **options)
        output.logits = output.logits + 0.1 * module.get_input_embeddings()(input_ids).sum(-1, keepdim=True)[..., :1]
        output.logits[..., 7] += input_ids.float()
        return output

    module.forward = forward
    with pytest.raises(BrokenModel, match="fails the read check"):
        wb.load_model(module, tokenizer=byte_tokenizer())


def test_an_encoder_is_not_causal_and_stays_as_it_was():
    torch.manual_seed(0)
    config = hf.BertConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    module = hf.BertForMaskedLM(config).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3) if parameter.dim() > 1 else None
    before = [name for name, _ in module.named_modules()]
    with pytest.raises(BrokenModel, match="is not causal"):
        wb.load_model(module, tokenizer=byte_tokenizer())
    assert [name for name, _ in module.named_modules()] == before


def test_training_mode_changes_no_number():
    torch.manual_seed(0)
    config = hf.GPT2Config(vocab_size=300, n_embd=32, n_layer=3, n_head=4, n_positions=512, resid_pdrop=0.5)
    module = hf.GPT2LMHeadModel(config).eval()
    model = wb.load_model(module, tokenizer=byte_tokenizer())
    pairs = wb.load_pairs([{"source": "Rome is in", "target": "Bonn is in", "answer": "Italy", "foil": "Germany"}])

    def numbers():
        encoded = model.encode(corpus())
        return (
            wb.heads.ablate(model, corpus(), progress=False).delta.values,
            wb.heads.importance(model, corpus(), progress=False).importance.values,
            wb.patching.sweep(model, pairs, progress=False).effect.values,
            wb.lens.by_language(model, wb.load_words(languages=["de", "fr"]), source="de", target="fr", limit=2,
                                progress=False).probability.values,
            model.logits(model.batch("Hello")).detach().numpy(),
            generate(model, encoded, tokens=4, batch_size=2),
        )  # fmt: skip

    expected = numbers()
    module.train()
    actual = numbers()
    assert module.training and module.transformer.h[0].training
    for value, other in zip(actual, expected, strict=True):
        assert value == other if isinstance(value, list) else (value == other).all() or (value != value).any()


def test_a_module_that_is_wrapped_already_is_recognised():
    module = tiny("llama")
    first = wb.load_model(module, tokenizer=byte_tokenizer())
    second = wb.load_model(module, tokenizer=byte_tokenizer())
    assert second.bridge is first.bridge and second.abilities == first.abilities
    for name in ("ablate", "importance"):
        results = [getattr(wb.heads, name)(model, corpus(), progress=False) for model in (first, second)]
        assert results[0].equals(results[1])
    assert (
        wb.model.capture(second, "Hello", "pattern").pattern.shape
        == wb.model.capture(first, "Hello", "pattern").pattern.shape
    )


def test_ids_beyond_the_embedding_are_named_and_padding_is_not():
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"<x{i}>" for i in range(60)])
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    model = wb.load_model(tiny("mistral"), tokenizer=tokenizer)
    assert tokenizer.pad_token_id >= 300 and model.pad_id < 300
    wb.neurons.firing(model, corpus(), progress=False)
    with pytest.raises(BadCorpus, match=r"text 1 in 'de' has the token '<x55>' \(id 315\).*300 rows"):
        wb.neurons.firing(model, wb.load_corpus(pd.DataFrame({**CORPUS, "de": ["Hallo", "du <x55>"]})), progress=False)


def test_the_command_line_says_what_is_lost_and_what_it_costs(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from workbench.cli import app

    forget_the_cache(monkeypatch)
    folder = str(save("llama", tmp_path / "model"))
    printed = CliRunner().invoke(app, ["check", folder]).output
    flat = " ".join(printed.replace("│", " ").split())
    assert "can restart no" in flat and "no restart, because" in flat and "many times slower" in flat
    texts = tmp_path / "texts.tsv"
    texts.write_text("en\tde\n" + "\n".join("\t".join(row) for row in zip(*CORPUS.values(), strict=True)) + "\n")
    run = CliRunner().invoke(app, ["heads", folder, str(texts), "--out", str(tmp_path / "run")])
    assert run.exit_code == 0
    assert "Warning:" in run.stderr and "every cell runs the whole model" in " ".join(run.stderr.split())
    assert "Without 'restart'" in run.stdout


def test_a_copy_of_a_wrapped_module_reads_its_own_cache():
    model = load()
    copied = copy.deepcopy(model.module)
    parts = [part for part in copied.modules() if "_update_kv_cache" in part.__dict__]
    assert parts and all(part.__dict__["_update_kv_cache"].args[1] is part for part in parts)
