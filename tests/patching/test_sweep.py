import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.oracles import patching as oracle
from tests.patching.cases import KINDS, encoded, make_pairs, plain, token, wrapped
from workbench.results.make import provenance
from workbench.text.pairs import Pair, Pairs

sweep = wb.patching.sweep
EQUAL = make_pairs([6, 6])
MIXED = make_pairs([5, 7, 6], seed=1)


def difference(pair):
    return oracle.difference(token(pair.answer), token(pair.foil))


def transformer_lens(kind, pairs, site):
    def read(logits, i):
        return difference(pairs[i])(logits)

    if site == "residual_post":
        return oracle.residual_post_by_transformer_lens(wrapped(kind).bridge, encoded(pairs), read).numpy()
    return oracle.by_transformer_lens(wrapped(kind).bridge, encoded(pairs), read, site).numpy()


@pytest.mark.parametrize("site", ["residual", "residual_post", "head", "pattern"])
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_transformer_lens(kind, site):
    result = sweep(wrapped(kind), EQUAL, site=site, progress=False)
    expected = transformer_lens(kind, EQUAL, site)
    np.testing.assert_allclose(result.value, expected, atol=1e-5)
    assert float(np.ptp(expected)) > 1e-7, "the patch must matter, or the comparison says nothing"


@pytest.mark.parametrize("kind", [*KINDS, "xglm", "opt"])
def test_mixed_lengths_agree_with_loops_over_unpadded_pairs(kind):
    model, module = wrapped(kind), plain(kind)
    states, heads = sweep(model, MIXED, progress=False), sweep(model, MIXED, site="head", progress=False)
    assert states.position.values.tolist() == list(range(-8, 0))
    for row, pair in enumerate(encoded(MIXED)):
        read = difference(MIXED[row])
        length = len(pair[1])
        np.testing.assert_allclose(states.pair_value[row, :, -length:], oracle.residual(module, pair, read), atol=1e-5)
        assert np.isnan(states.pair_value[row, :, :-length]).all()
        np.testing.assert_allclose(heads.pair_value[row], oracle.heads(module, pair, read), atol=1e-5)
        assert states.source_value[row] == pytest.approx(read(oracle.last_logits(module, pair[0])), abs=1e-5)
        assert states.target_value[row] == pytest.approx(read(oracle.last_logits(module, pair[1])), abs=1e-5)


def test_effects_are_normalised_means_over_the_pairs_that_have_the_position():
    result = sweep(wrapped("llama"), MIXED, progress=False)
    source, target = result.source_value.values.tolist(), result.target_value.values.tolist()
    for layer in range(3):
        for column in range(8):
            cell = result.pair_value.values[:, layer, column].tolist()
            have = [row for row in range(3) if not np.isnan(cell[row])]
            picked = [[numbers[row] for row in have] for numbers in (cell, source, target)]
            assert result.effect[layer, column] == pytest.approx(oracle.mean_effect(*picked), rel=1e-6, abs=1e-9)
            assert result.value[layer, column] == pytest.approx(sum(picked[0]) / len(have))
            for row in have:
                expected = oracle.normalised(cell[row], source[row], target[row])
                assert result.pair_effect[row, layer, column] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    inside = (result.low <= result.effect) & (result.effect <= result.high)
    assert inside[:, 4:].mean() > 0.9


@pytest.mark.parametrize("kind", ["llama", "gemma2", "cohere"])
def test_answer_probability(kind):
    module = plain(kind)
    result = sweep(wrapped(kind), MIXED, metric="answer_probability", progress=False)
    for row, pair in enumerate(encoded(MIXED)):
        expected = oracle.residual(module, pair, oracle.probability([token(MIXED[row].answer)]))
        np.testing.assert_allclose(result.pair_value[row, :, -len(pair[1]) :], expected, atol=1e-6)
    assert result.value.attrs["units"] == "probability"


@pytest.mark.parametrize("site", ["residual", "head", "pattern"])
def test_nll_of_the_whole_prompt_reads_clean_and_patched_positions(site):
    model = wrapped("mistral")
    result = sweep(model, EQUAL, metric="nll", site=site, progress=False)
    one = sweep(model, EQUAL, metric="nll", site=site, batch_size=1, progress=False)
    np.testing.assert_allclose(result.pair_value, one.pair_value, atol=1e-5)
    ids = encoded(EQUAL)[0][1]
    with torch.no_grad():
        logits = plain("mistral")(torch.tensor([ids])).logits[0, :-1]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]))
    assert result.target_value[0] == pytest.approx(float(loss), abs=1e-5)


def test_nll_after_a_patch_agrees_with_a_loop():
    module = plain("llama")
    ids = torch.tensor(encoded(EQUAL)[0][1])
    result = sweep(wrapped("llama"), EQUAL, metric="nll", progress=False)
    given = oracle.states(module, encoded(EQUAL)[0][0])
    layer, position = 1, 5
    seen = []
    handle = module.register_forward_hook(lambda part, args, output: seen.append(output.logits[0]))
    with oracle.hooked([handle]):
        oracle.patched_state(module, ids.tolist(), layer, position, given[layer][position])
    loss = torch.nn.functional.cross_entropy(seen[0][:-1], ids[1:])
    assert result.pair_value[0, layer, position] == pytest.approx(float(loss), abs=1e-5)


@pytest.mark.parametrize("site", ["residual", "residual_post", "head", "pattern"])
@pytest.mark.parametrize("kind", ["llama", "bloom", "gemma2"])
def test_a_run_patched_with_itself_is_exactly_unchanged(kind, site):
    same = Pairs(tuple(Pair(pair.target, pair.target, pair.answer, pair.foil) for pair in MIXED), "same")
    result = sweep(wrapped(kind), same, site=site, progress=False)
    values = result.pair_value.values
    expected = np.broadcast_to(result.target_value.values[:, None, None], values.shape)
    assert (values == expected)[~np.isnan(values)].all()
    assert np.isnan(result.effect).all()
    assert result.attrs["pairs_without_difference"] == 3


@pytest.mark.parametrize("kind", KINDS)
def test_identities(kind):
    model = wrapped(kind)
    before = sweep(model, EQUAL, progress=False)
    behind = sweep(model, EQUAL, site="residual_post", progress=False)
    last = behind.pair_effect[:, -1, -1]
    np.testing.assert_allclose(last, 1, atol=1e-3)  # divided by small differences of a random model
    np.testing.assert_allclose(behind.pair_value[:, -1, -1], behind.source_value, atol=1e-6)
    assert (behind.pair_effect[:, -1, :-1] == 0).all(), "behind the last layer only the last position is read"
    assert (before.pair_effect[:, :, :4] == 0).all(), "BOS and the shared beginning have the same states"
    np.testing.assert_allclose(behind.pair_value[:, :-1], before.pair_value[:, 1:], atol=1e-6)


def test_a_token_that_is_the_same_at_layer_0_changes_nothing():
    pairs = Pairs((Pair("abcXef", "abdXeg", "kord", "lord"),), "one")
    result = sweep(wrapped("llama"), pairs, progress=False)
    assert result.effect[0].values[[0, 1, 2, 4, 5]].tolist() == [0] * 5
    assert (result.effect[0].values[[3, 6]] != 0).all()
    assert (result.effect[1].values[4:] != 0).all()
    assert result.token.values.tolist() == ["<bos>", "a", "b", "c/d", "X", "e", "f/g"]
    assert result.position.values.tolist() == list(range(7))
    assert np.isnan(result.low).all(), "one pair has no interval"


@pytest.mark.parametrize("site", ["residual", "head", "pattern"])
def test_batch_size_does_not_matter(site, monkeypatch):
    model = wrapped("gemma2")
    expected = sweep(model, MIXED, site=site, progress=False)
    for size in (1, 2):
        np.testing.assert_allclose(
            sweep(model, MIXED, site=site, batch_size=size, progress=False).pair_value, expected.pair_value, atol=1e-5
        )
    monkeypatch.setattr("workbench.model.memory.saturating_rows", lambda model: 1)
    np.testing.assert_allclose(
        sweep(model, MIXED, site=site, progress=False).pair_value, expected.pair_value, atol=1e-5
    )


def test_the_result_says_how_it_was_made_and_is_saved(tmp_path):
    result = sweep(wrapped("llama"), EQUAL, progress=False, seed=3)
    made = provenance(result)
    assert made["method"] == "patching.sweep"
    assert made["parameters"]["tokens"]["answer"] == [token(pair.answer) for pair in EQUAL]
    assert made["parameters"]["tokens"]["foil"] == [token(pair.foil) for pair in EQUAL]
    assert made["corpus"]["hash"] == EQUAL.hash
    assert made["seed"] == 3
    assert result.token.values[0] == "<bos>"
    assert result.pair_name.values.tolist() == ["pair 0", "pair 1"]
    xr.testing.assert_identical(wb.load_result(wb.save_result(result, tmp_path / "sweep.nc")), result)
