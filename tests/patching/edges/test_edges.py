import random
import sys

import numpy as np
import pytest
import torch
import transformers as hf
import xarray as xr

import workbench as wb
from tests.models import _config, byte_tokenizer
from tests.oracles import patching_edges as oracle
from tests.patching.cases import encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, BadPairs, Interrupted, UnsupportedSite
from workbench.model.load import load_model
from workbench.text.pairs import Pair, Pairs

edges = wb.patching.edges
MIXED = make_pairs([5, 7], seed=1)
KINDS = ("llama", "gpt2", "gemma2", "bloom", "neox", "cohere")


def difference(pair):
    return lambda logits: logits[token(pair.answer)] - logits[token(pair.foil)]


def node(name):
    """`head 0.3` as the oracle's ("head", 0, 3)."""
    kind, _, where = name.partition(" ")
    return (kind, *(int(number) for number in where.split(".") if number))


@pytest.fixture(scope="module")
def found():
    return {kind: edges(wrapped(kind), MIXED, sample=24, progress=False) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_one_edge_at_a_time(kind, found):
    agrees(kind, found[kind], 0)


def test_agrees_when_slopes_are_integrated():
    agrees("gemma2", edges(wrapped("gemma2"), MIXED, steps=3, sample=3, progress=False), 3)


def agrees(kind, result, steps):
    known = np.argwhere(np.isfinite(result.effect.values))
    some = random.Random(0).sample(known.tolist(), 25)
    for row, pair in enumerate(encoded(MIXED)):
        read = difference(MIXED[row])
        for i, o in some:
            ends = [node(str(result[axis].values[at])) for axis, at in (("sender", i), ("receiver", o))]
            expected = oracle.attributed(plain(kind), pair, *ends, read, steps)
            value = result.pair_value[row, i, o] - result.target_value[row]
            assert float(value) == pytest.approx(expected, abs=1e-5), ends


@pytest.mark.parametrize("kind", KINDS)
def test_sampled_edges_are_patched_exactly(kind, found):
    result = found[kind]
    values = np.zeros((2, 24))
    for row, pair in enumerate(encoded(MIXED)):
        for cell in range(24):
            ends = [node(str(result[f"cell_{axis}"].values[cell])) for axis in ("sender", "receiver")]
            values[row, cell] = oracle.exact(plain(kind), pair, *ends, difference(MIXED[row]))
    source, target = result.source_value.values, result.target_value.values
    effect = (values.mean(0) - target.mean()) / (source.mean() - target.mean())
    np.testing.assert_allclose(result.exact, effect, atol=1e-4)
    assert np.ptp(effect) > 1e-3, "the edges must matter, or the comparison says nothing"
    at = result.effect.sel(sender=result.cell_sender, receiver=result.cell_receiver)
    np.testing.assert_array_equal(result.estimate, at)
    assert -1 <= result.attrs["agreement"] <= 1
    strongest = np.sort(abs(result.effect.values[np.isfinite(result.effect.values)]))[::-1]
    np.testing.assert_array_equal(abs(result.estimate[:12]), strongest[:12])


@pytest.mark.parametrize("kind", KINDS)
def test_who_hears_whom(kind, found):
    result = found[kind]
    assert result.attrs["parallel"] == int(kind in ("neox", "cohere"))
    for i, sender in enumerate(result.sender_layer.values):
        for o, receiver in enumerate(result.receiver_layer.values):
            same = str(result.sender_kind.values[i]), str(result.receiver_kind.values[o])
            inside = sender == receiver and same == ("head", "mlp") and not result.attrs["parallel"]
            assert np.isfinite(result.effect.values[i, o]) == (sender < receiver or inside)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "neox"])
def test_what_a_head_sends_sums_to_its_own_attribution(kind, found):
    heads = wb.patching.attribution(wrapped(kind), MIXED, site="head", progress=False)
    sent = found[kind].effect.where(found[kind].sender_kind == "head", drop=True).sum("receiver")
    np.testing.assert_allclose(sent.values.reshape(3, 4), heads.effect, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "bloom", "cohere"])  # norms behind attention break the sum
def test_what_the_logits_hear_sums_to_the_final_states_attribution(kind, found):
    states = wb.patching.attribution(wrapped(kind), MIXED, site="residual_post", progress=False)
    heard = found[kind].effect.sel(receiver="logits").sum()
    np.testing.assert_allclose(heard, states.effect.isel(layer=-1).sum(), rtol=1e-4)


def test_a_run_patched_by_itself_is_zero():
    same = Pairs((Pair("abcde", "abcde", "kord", "lord"), Pair("abcde", "abxde", "kord", "lord")), "same")
    result = edges(wrapped("gemma2"), same, progress=False)
    own = result.pair_value[0].values - float(result.target_value[0])
    assert (own[np.isfinite(own)] == 0).all()


def test_batches_memory_and_files_do_not_matter(found, tmp_path, monkeypatch):
    monkeypatch.setattr(wrapped("llama"), "memory", 2_000_000)
    result = edges(wrapped("llama"), MIXED, sample=24, batch_size=1, progress=False)
    np.testing.assert_allclose(result.effect, found["llama"].effect, atol=1e-5)
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "edges.nc")), result)


def test_an_interrupt_keeps_the_finished_pairs(monkeypatch):
    module = sys.modules["workbench.patching.edges.edges"]  # the package's own `edges` is the function
    real, calls = module.estimate, []

    def breaks(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(module, "estimate", breaks)
    with pytest.raises(Interrupted, match="1 of 2 pairs") as stopped:
        edges(wrapped("llama"), MIXED, batch_size=1, progress=False)
    assert np.isfinite(stopped.value.partial.pair_effect[0]).any()
    assert np.isnan(stopped.value.partial.pair_effect[1]).all()


def test_refusals(monkeypatch):
    model = wrapped("llama")
    with pytest.raises(BadArgument, match="'loss' is not a metric"):
        edges(model, MIXED, metric="loss")
    with pytest.raises(BadArgument, match="sample=2; give a whole number from 3"):
        edges(model, MIXED, sample=2)
    with pytest.raises(BadPairs, match="source has"):
        edges(model, Pairs((Pair("abc", "abcde", "kord", "lord"),), "unequal"))
    monkeypatch.setattr(model, "hook_point", lambda site, layer: torch.nn.Identity(), raising=False)
    with pytest.raises(UnsupportedSite, match="computes without its hooks of 'q'"):
        edges(model, MIXED, progress=False)


def test_a_model_whose_parts_do_not_add_up_is_refused():
    """Granite halves what each sublayer writes."""
    torch.manual_seed(0)
    config = _config("llama").to_dict() | {"residual_multiplier": 0.5}
    del config["model_type"]
    module = hf.GraniteForCausalLM(hf.GraniteConfig(**config)).eval()
    with pytest.raises(UnsupportedSite, match="do not simply add up to the residual stream"):
        edges(load_model(module, tokenizer=byte_tokenizer()), MIXED, progress=False)
