import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

import workbench as wb
from tests.oracles import attribution as oracle
from tests.patching.cases import KINDS, encoded, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument, BadPairs, Interrupted, UnsupportedSite
from workbench.patching.engine.agreement import agreement
from workbench.results.make import provenance
from workbench.text.pairs import Pair, Pairs

attribution = wb.patching.attribution
MIXED = make_pairs([5, 7, 6], seed=1)
EQUAL = make_pairs([6, 6])


def difference(pair):
    return lambda logits: logits[token(pair.answer)] - logits[token(pair.foil)]


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("kind", [*KINDS, "qwen3", "opt"])
def test_agrees_with_gradients_of_unpadded_pairs(kind, steps):
    model, module = wrapped(kind), plain(kind)
    states, behind, heads = (
        attribution(model, MIXED, site=site, steps=steps, progress=False)
        for site in ("residual", "residual_post", "head")
    )
    for row, pair in enumerate(encoded(MIXED)):
        length, read = len(pair[1]), difference(MIXED[row])
        expected = np.array(oracle.residual(module, pair, read, steps))
        for result, part in ((states, expected[:-1]), (behind, expected[1:])):
            found = result.pair_value[row] - result.target_value[row]
            np.testing.assert_allclose(found[:, -length:], part, atol=1e-5)
            assert np.isnan(found[:, :-length]).all()
        found = heads.pair_value[row] - heads.target_value[row]
        np.testing.assert_allclose(found, oracle.heads(module, pair, read, steps), atol=1e-5)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_agrees_with_transformer_lens(kind):
    from transformer_lens.tools.analysis.attribution_patching import attribution_patch

    model = wrapped(kind)
    result = attribution(model, EQUAL, site="head", progress=False)
    for row, (source, target) in enumerate(encoded(EQUAL)):
        read = difference(EQUAL[row])
        lens = attribution_patch(
            model.bridge, torch.tensor([source]), torch.tensor([target]), lambda logits, read=read: read(logits[0, -1])
        )
        total = np.zeros((model.n_layers, model.n_heads))  # its nodes are heads at one position
        for node, score in lens.node_scores.items():
            if node.kind == "attn_head_out":
                total[node.layer, node.head] += score
        np.testing.assert_allclose(result.pair_value[row] - result.target_value[row], total, atol=1e-5)


def test_the_probability_of_the_answer():
    result = attribution(wrapped("gemma2"), MIXED, metric="answer_probability", progress=False)
    for row, pair in enumerate(encoded(MIXED)):
        tokens = [token(MIXED[row].answer)]
        expected = oracle.residual(plain("gemma2"), pair, lambda logits, t=tokens: logits.softmax(0)[t].sum())
        found = result.pair_value[row] - result.target_value[row]
        np.testing.assert_allclose(found[:, -len(pair[1]) :], expected[:-1], atol=1e-6)


def test_integrated_over_the_embeddings_the_parts_sum_to_the_whole():
    result = attribution(wrapped("llama"), EQUAL, steps=64, progress=False)
    parts = (result.pair_value - result.target_value).sel(layer=0).sum("position")
    np.testing.assert_allclose(parts, result.source_value - result.target_value, atol=2e-4)


@pytest.mark.parametrize("site", ["residual", "residual_post", "head"])
@pytest.mark.parametrize("kind", ["llama", "bloom"])
def test_the_sampled_cells_are_those_of_the_sweep(kind, site):
    model = wrapped(kind)
    result = attribution(model, MIXED, site=site, sample=9, progress=False, seed=4)
    swept = wb.patching.sweep(model, MIXED, site=site, progress=False)
    place = {"layer": result.cell_layer}
    axis = "head" if site == "head" else "position"
    place[axis] = result[f"cell_{axis}"]
    assert result.sizes["cell"] == 9
    np.testing.assert_allclose(result.exact, swept.effect.sel(place), atol=1e-4)  # divided by small differences
    np.testing.assert_array_equal(result.estimate, result.effect.sel(place))
    one, other = result.exact.values, result.estimate.values
    assert result.attrs["agreement"] == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert result.attrs["agreement_rank"] == pytest.approx(stats.spearmanr(one, other).statistic)
    assert result.attrs["agreement_error"] == pytest.approx(np.abs(one - other).mean())
    assert result.attrs["agreement_low"] <= result.attrs["agreement"] <= result.attrs["agreement_high"]


def test_integrating_comes_nearer_where_the_path_is_the_patch():
    model = wrapped("gpt2")
    exact = wb.patching.sweep(model, EQUAL, site="residual_post", progress=False)
    coarse, fine = (attribution(model, EQUAL, site="residual_post", steps=steps, progress=False) for steps in (0, 32))
    far, near = (float(abs(one.value[0] - exact.value[0]).max()) for one in (coarse, fine))
    assert near < far


def test_batch_size_does_not_matter_and_seed_draws_other_cells():
    model = wrapped("gemma2")
    options = {"site": "head", "steps": 2, "sample": 5, "progress": False}
    whole, alone = (attribution(model, MIXED, batch_size=size, **options) for size in ("auto", 1))
    np.testing.assert_allclose(alone.pair_value, whole.pair_value, atol=1e-5)
    np.testing.assert_allclose(alone.exact, whole.exact, atol=1e-4)
    other = attribution(model, MIXED, seed=1, **options)
    assert (other.cell_layer.values != whole.cell_layer.values).any() or (other.cell_head != whole.cell_head).any()


def test_where_nothing_varies_there_is_no_agreement():
    found = agreement(np.ones(5), np.arange(5.0))
    assert np.isnan(found["agreement"])
    assert found["agreement_error"] == pytest.approx(np.abs(1 - np.arange(5)).mean())
    assert agreement(np.arange(4.0), 2 * np.arange(4.0))["agreement"] == pytest.approx(1)


def test_the_result_says_how_it_was_made_and_is_saved(tmp_path):
    result = attribution(wrapped("llama"), EQUAL, steps=2, progress=False)
    made = provenance(result)
    assert made["method"] == "patching.attribution"
    assert made["parameters"]["steps"] == 2
    assert result.token.values[0] == "<bos>"
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "estimate.nc")), result)


def test_refusals_and_interrupts(monkeypatch):
    model = wrapped("llama")
    with pytest.raises(
        UnsupportedSite, match=r"'pattern' cannot be attributed \(works: residual, residual_post, head\)"
    ):
        attribution(model, EQUAL, site="pattern")
    with pytest.raises(BadArgument, match="'loss' is not a metric"):
        attribution(model, EQUAL, metric="loss")
    for options in ({"steps": -1}, {"sample": 2}, {"steps": True}):
        with pytest.raises(BadArgument, match="give a whole number"):
            attribution(model, EQUAL, **options)
    with pytest.raises(BadPairs, match="source has 5 tokens and target 4"):
        attribution(model, Pairs((Pair("abcd", "abc", "kord", "lord"),), "one"))
    import importlib

    module = importlib.import_module("workbench.patching.attribution")
    true, calls = module.estimate, []

    def estimate(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return true(*args, **options)

    monkeypatch.setattr(module, "estimate", estimate)
    with pytest.raises(Interrupted, match="1 of 2 pairs are finished") as stop:
        attribution(model, EQUAL, batch_size=1, progress=False)
    assert np.isfinite(stop.value.partial.pair_value[0]).all()
    assert np.isnan(stop.value.partial.pair_value[1]).all()
