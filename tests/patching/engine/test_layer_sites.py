import numpy as np
import pytest

import workbench as wb
from tests.oracles import patching as oracle
from tests.patching.cases import KINDS, encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, BadPairs, UnsupportedSite
from workbench.patching.engine import layer_sites
from workbench.text.pairs import Pair, Pairs

sweep = wb.patching.sweep
EQUAL = make_pairs([6, 6])
MIXED = make_pairs([5, 7], seed=1)
INSIDE = ("attention_out", "mlp_out", "q", "k", "v")
BY_POSITION = ("head", "q", "k", "v", "pattern")


def difference(pair):
    return oracle.difference(token(pair.answer), token(pair.foil))


def transformer_lens(kind, pairs, site):
    def read(logits, i):
        return difference(pairs[i])(logits)

    return oracle.by_transformer_lens(wrapped(kind).bridge, encoded(pairs), read, site).numpy()


@pytest.mark.parametrize("site", INSIDE)
@pytest.mark.parametrize("kind", [*KINDS, "qwen3", "opt"])
def test_agrees_with_transformer_lens(kind, site):
    result = sweep(wrapped(kind), EQUAL, site=site, progress=False)
    expected = transformer_lens(kind, EQUAL, site)
    assert result.value.shape == expected.shape
    np.testing.assert_allclose(result.value, expected, atol=1e-5)
    assert float(np.ptp(expected)) > 1e-7, "the patch must matter, or the comparison says nothing"


@pytest.mark.parametrize("site", BY_POSITION)
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "bloom"])
def test_heads_by_position_agree_with_transformer_lens(kind, site):
    unit = "kv_head" if site in "kv" else "head"
    result = sweep(wrapped(kind), EQUAL, site=site, over=("layer", unit, "position"), progress=False)
    expected = transformer_lens(kind, EQUAL, f"{site} by position")
    order = ("layer", unit, "position") if site == "pattern" else ("layer", "position", unit)
    np.testing.assert_allclose(result.value.transpose(*order), expected, atol=1e-5)
    assert result.effect.dims == ("layer", unit, "position")
    assert result.token.values[0] == "<bos>"


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "neox", "opt", "bloom"])
def test_neurons_agree_with_a_loop(kind):
    model = wrapped(kind)
    result = sweep(model, MIXED, site="neuron", progress=False)
    assert result.sizes["neuron"] == model.n_neurons
    for row, pair in enumerate(encoded(MIXED)):
        for layer, number in ((0, 3), (1, 0), (2, model.n_neurons - 1)):
            expected = oracle.neuron(plain(kind), pair, layer, number, difference(MIXED[row]))
            assert result.pair_value[row, layer, number] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("site", ["attention_out", "k", "pattern", "neuron"])
def test_lengths_and_batches_do_not_matter(site, monkeypatch):
    model = wrapped("mistral")
    over = ("layer", "kv_head", "position") if site == "k" else None
    whole = sweep(model, MIXED, site=site, over=over, progress=False)
    for module in ("layer_sites", "cells"):
        monkeypatch.setattr(f"workbench.patching.engine.{module}.cells_at_once", lambda *args: 1)
    alone = sweep(model, MIXED, site=site, over=over, batch_size=1, progress=False)
    np.testing.assert_allclose(alone.pair_value, whole.pair_value, atol=1e-5)
    if "position" in whole.dims:
        assert np.isnan(whole.pair_value.sel(pair=0, position=[-8, -7])).all()
        assert np.isfinite(whole.pair_value.sel(pair=1)).all()


@pytest.mark.parametrize("site", [*INSIDE, "neuron"])
@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_a_run_patched_with_itself_is_exactly_unchanged(kind, site):
    same = Pairs(tuple(Pair(pair.target, pair.target, pair.answer, pair.foil) for pair in MIXED), "same")
    result = sweep(wrapped(kind), same, site=site, progress=False)
    values = result.pair_value.values
    expected = np.broadcast_to(result.target_value.values[:, None, None], values.shape)
    assert (values == expected)[~np.isnan(values)].all()


@pytest.mark.parametrize("site", ["residual", "head", "mlp_out", "v"])
def test_noising_puts_the_target_into_the_source(site):
    model = wrapped("llama")
    result = sweep(model, EQUAL, site=site, direction="noising", progress=False)
    turned = Pairs(tuple(Pair(p.target, p.source, p.answer, p.foil) for p in EQUAL), "turned")
    np.testing.assert_allclose(result.value, transformer_lens("llama", turned, site), atol=1e-5)
    there = sweep(model, EQUAL, site=site, progress=False)
    np.testing.assert_allclose(result.source_value, there.source_value, atol=1e-6)
    np.testing.assert_allclose(result.target_value, there.target_value, atol=1e-6)
    gap = float((result.source_value - result.target_value).sum())
    moved = (result.source_value - result.pair_value).sum("pair") / gap
    np.testing.assert_allclose(result.effect, moved, atol=1e-5)
    assert result.attrs["direction"] == "noising"


UNEQUAL = Pairs(
    (
        Pair("abcdef ghi", "bcdx", "kord", "lord", roles={"source:subject": 4, "target:subject": 2, "last": -1}),
        Pair("qq", "bcdefghijk", "mord", "nord", roles={"subject": 1, "last": -1}),
    ),
    "unequal",
)
PLACES = {"subject": [(4, 2), (1, 1)], "last": [(-1, -1), (-1, -1)]}


@pytest.mark.parametrize(
    ("site", "sublayer"),
    [("residual", None), ("attention_out", ("self_attn", ".attn", "attention")), ("mlp_out", (".mlp",))],
)
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "neox"])
def test_roles_align_prompts_of_different_lengths(kind, site, sublayer):
    result = sweep(wrapped(kind), UNEQUAL, site=site, over=("layer", "role"), progress=False)
    assert result.role.values.tolist() == ["subject", "last"]
    for row, pair in enumerate(encoded(UNEQUAL)):
        for role, ways in PLACES.items():
            for layer in range(3):
                found = oracle.aligned(plain(kind), pair, layer, ways[row], difference(UNEQUAL[row]), sublayer)
                assert result.pair_value.sel(pair=row, role=role)[layer] == pytest.approx(found, abs=1e-5)


def test_roles_when_noising():
    result = sweep(wrapped("llama"), UNEQUAL, over=("layer", "role"), direction="noising", progress=False)
    for row, (source, target) in enumerate(encoded(UNEQUAL)):
        place = PLACES["subject"][row][::-1]
        found = oracle.aligned(plain("llama"), (target, source), 1, place, difference(UNEQUAL[row]))
        assert result.pair_value.sel(pair=row, role="subject", layer=1) == pytest.approx(found, abs=1e-5)


def test_roles_that_will_not_do():
    def of(roles):
        return Pairs((Pair("abcd", "abc", "kord", "lord", roles=roles),), "one")

    for roles, message in (
        (None, "pair 0 has no roles"),
        ({"source:subject": 1}, "role 'subject' is in one prompt only"),
        (
            {"subject": 4},
            r"'subject' is at 4, outside the target prompt, which has 4 tokens \(0 to 3, or -4 to -1\)",
        ),
    ):
        with pytest.raises(BadPairs, match=message):
            sweep(wrapped("llama"), of(roles), over=("layer", "role"))
    with pytest.raises(BadPairs, match="no role is in all pairs"):
        both = Pairs((*of({"a": 1}).items, *of({"b": 1}).items), "two")
        sweep(wrapped("llama"), both, over=("layer", "role"))
    with pytest.raises(BadArgument, match="direction='up'"):
        sweep(wrapped("llama"), EQUAL, direction="up")


def test_an_architecture_that_ignores_an_edit_is_refused(monkeypatch):
    monkeypatch.setattr(layer_sites.LayerPatch, "_closed", lambda self, values, output: output)
    with pytest.raises(UnsupportedSite, match="ignores edits of 'q'; no output changed"):
        sweep(wrapped("llama"), EQUAL, site="q", progress=False)
