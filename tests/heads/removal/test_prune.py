"""Removal against plain loops, smaller checkpoints against the masked model, and a planted model."""

import sys

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import workbench as wb
from tests.heads.cases import corpus, model, module, token_ids
from tests.heads.planted import HEAD, planted, texts
from tests.models import byte_tokenizer, tiny
from tests.oracles import heads as oracle
from tests.oracles import heads_removal
from workbench.errors import BadArgument, Interrupted, UnknownLanguage
from workbench.heads.removal import baseline_rankings
from workbench.heads.removal.gqa_layout import layout
from workbench.model.load import load_model

TEXTS = {
    "de": ("Der Hund", "Es regnet", "Nein", "Ja, du"),
    "en": ("The dog", "It rains", "No", "Yes, you"),
    "ja": ("犬が眠る", "雨だ", "はい", "いや"),
}
FAST = {"progress": False, "compare": ("michel", "magnitude", "random"), "draws": 3}
# Every layer loses two heads; layer 1 loses a whole key/value group of Llama's two.
REMOVED = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 0), (2, 2)]


def halves():
    whole = corpus(TEXTS)
    return [token_ids(whole.split(name).texts) for name in ("train", "test")]


@pytest.mark.parametrize("push", [0.0, 0.5])
def test_greedy_is_the_loop_and_the_curve_is_measured_on_held_out_texts(push):
    found = wb.heads.prune(
        model("llama"), corpus(TEXTS), keep="de,en", drop=["ja"], budget=0.02, push=push, candidates=None, **FAST
    )
    train, test = halves()
    kept = {language: train[language] for language in ("de", "en")}
    steps = heads_removal.greedy(module("llama"), kept, {"ja": train["ja"]}, (3, 4), 0.02, push)
    assert 2 <= len(steps) < 11
    assert list(zip(found.order_layer.values, found.order_head.values, strict=True)) == [cell for cell, _ in steps]
    np.testing.assert_allclose(found.train_rise, [rise for _, rise in steps], atol=1e-5)
    whole = {code: heads_removal.mean_loss(module("llama"), rows, np.ones((3, 4))) for code, rows in test.items()}
    for count in found.removed.values:
        scales = np.ones((3, 4))
        for cell, _ in steps[:count]:
            scales[cell] = 0
        for language, rows in test.items():
            rise = heads_removal.mean_loss(module("llama"), rows, scales) - whole[language]
            cell = found.rise.sel(order="greedy", removed=count, language=language)
            assert abs(float(cell) - rise) < 1e-5
    assert found.kept.values.tolist() == [True, True, False]
    assert found.attrs["cells"] == found.attrs["cells_exhaustive"] == sum(12 - i for i in range(len(steps)))


def test_few_candidates_measure_less_and_stay_in_the_budget():
    every = wb.heads.prune(model("llama"), corpus(TEXTS), keep="de", budget=0.05, candidates=None, **FAST)
    some = wb.heads.prune(model("llama"), corpus(TEXTS), keep="de", budget=0.05, candidates=3, **FAST)
    assert some.attrs["cells"] < some.attrs["cells_exhaustive"]
    assert (some.train_rise <= 0.05 + 1e-9).all() and (every.train_rise <= 0.05 + 1e-9).all()
    assert every.order_layer[0] == some.order_layer[0] and every.order_head[0] == some.order_head[0]
    assert some.removed_head.sum() == some.sizes["step"]


def test_other_orders_are_their_definitions():
    m, plain = model("llama"), module("llama")
    ids = token_ids(TEXTS)
    slopes = np.mean([np.mean([abs(oracle.gradient(plain, one)[0]) for one in ids[k]], 0) for k in ids], 0)
    expected = slopes / np.sqrt((slopes**2).sum(1, keepdims=True))
    np.testing.assert_allclose(baseline_rankings.michel(m, m.encode(corpus(TEXTS)), batch_size=3), expected, rtol=1e-4)
    weight = plain.model.layers[1].self_attn.o_proj.weight
    np.testing.assert_allclose(
        baseline_rankings.magnitude(m)[1], weight.reshape(32, 4, 8).norm(dim=(0, 2)).detach(), rtol=1e-5
    )
    assert baseline_rankings.ascending(np.array([[3.0, 1], [1, 0]])) == [(1, 1), (0, 1), (1, 0), (0, 0)]
    drawn = {tuple(baseline_rankings.random_ranking(3, 4, seed=0, draw=i)) for i in range(5)}
    assert len(drawn) == 5 and all(sorted(order) == list(np.ndindex(3, 4)) for order in drawn)


def test_random_is_the_mean_of_its_draws_and_advantages_are_its_differences():
    found = wb.heads.prune(model("llama"), corpus(TEXTS), keep="de", drop="ja", budget=0.05, **FAST)
    np.testing.assert_allclose(found.rise.sel(order="random"), found.random_rise.mean("draw"), atol=1e-12)
    assert (found.rise.sel(removed=0) == 0).all()
    end = found.rise.isel(removed=-1)
    gain = (end.sel(order="random") - end).sel(language="de")
    np.testing.assert_allclose(found.advantage.sel(group="kept"), gain, atol=1e-12)
    assert np.isnan(found.p_value.sel(order="random")).all(), "random is no test against itself"
    assert np.isfinite(found.p_value.sel(order="greedy", group="kept"))
    assert (found.low <= found.rise + 1e-9).all() and (found.rise <= found.high + 1e-9).all()


def test_a_planted_model_keeps_the_heads_that_the_language_needs():
    m = load_model(planted(), tokenizer=byte_tokenizer())
    found = wb.heads.prune(m, texts(), keep="en", drop="de,fr", budget=0.01, progress=False, permutations=2, draws=2)
    left = {tuple(cell) for cell in np.argwhere(~found.removed_head.values)}
    assert left == {HEAD["en"], HEAD["all"]}
    end = found.rise.isel(removed=-1).sel(order="greedy")
    assert abs(end.sel(language="en")) < 1e-5 and end.sel(language="de") > 0.1
    assert found.advantage_low.sel(order="greedy", group="kept") > 0
    pushed = wb.heads.prune(m, texts(), keep="en", drop="de", push=1.0, most=1, progress=False, compare=())
    assert (int(pushed.order_layer[0]), int(pushed.order_head[0])) == HEAD["de"]


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2", "bloom", "qwen2", "qwen3", "phi3", "cohere"])
def test_the_checkpoint_reloads_with_plain_transformers_and_matches(kind, tmp_path):
    plain = module(kind)
    small = wb.heads.save_smaller(model(kind), REMOVED, tmp_path / "small")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "small").eval()
    mask = torch.ones(3, 4)
    for cell in REMOVED:
        mask[cell] = 0
    ids = token_ids()["ja"][0]
    with torch.no_grad(), oracle.edited(plain, lambda layer, z: z * mask[layer][:, None]):
        wanted = plain(torch.tensor([ids])).logits
    found = again(torch.tensor([ids])).logits
    assert float((found - wanted).detach().abs().max()) < 1e-5
    assert wb.load_model(tmp_path / "small").tokenizer("a")["input_ids"] == byte_tokenizer()("a")["input_ids"]
    count = sum(parameter.numel() for parameter in again.parameters())
    assert small.parameters[1] == count and small.removed == 6
    assert small.physical == (kind in ("llama", "gemma2", "qwen2", "qwen3", "cohere"))
    assert small.physical == (count < sum(parameter.numel() for parameter in plain.parameters()))
    assert small.physical or "keep their shape" in small.note
    with pytest.raises(BadArgument, match="not empty"):
        wb.heads.save_smaller(model(kind), REMOVED, tmp_path / "small")


def test_a_layer_without_heads_left_does_not_make_the_others_unreachable(tmp_path):
    wb.heads.save_smaller(model("llama"), [(1, head) for head in range(4)], tmp_path / "small")
    small = wb.load_model(tmp_path / "small")
    assert small.abilities["head"] and small.abilities["pattern"]
    found = wb.heads.ablate(small, corpus({"de": TEXTS["de"][:2]}), progress=False).delta.sel(language="de")
    assert (found.sel(layer=1) == 0).all() and (found.sel(layer=[0, 2]) != 0).any()


def test_query_heads_find_their_key_heads_again():
    kept = np.zeros((2, 2, 4), dtype=bool)
    kept[0, 0, :3] = kept[0, 1, 3] = kept[1, 0, 1] = kept[1, 1, 2] = True
    width, slots = layout(kept)
    for layer in range(2):
        found = {(kv, head) for kv, heads in slots[layer] for head in heads}
        assert found == {(int(kv), int(head)) for kv, head in np.argwhere(kept[layer])}
        assert all(len(heads) <= width for _, heads in slots[layer]) and len(slots[layer]) == len(slots[0])
    # widths 1, 2, 3, 4 need 4, 3, 2, 2 slots: 4 x 2 = 8 = 2 x 4 < 9 < 10
    assert width == 3 and len(slots[0]) == 2
    # no architecture here takes 6 query heads: 4 slots of width 1 are as small
    assert layout(kept, lambda heads, kv: heads != 6)[0] == 1
    assert len(layout(kept, lambda heads, kv: False)[1][0]) == 2, "the whole model's numbers always work"
    assert layout(np.zeros((1, 2, 2), bool))[1] == [[(None, [])]]


def test_a_number_of_heads_that_the_configuration_refuses_is_filled_up(tmp_path):
    """Llama's width of 32 is no multiple of 3 heads."""
    small = wb.heads.save_smaller(load_model(tiny("llama"), tokenizer=byte_tokenizer()), [(0, 0)], tmp_path / "m")
    assert 32 % small.heads[0] == 0 and small.heads[0] == 4
    AutoModelForCausalLM.from_pretrained(tmp_path / "m")


@pytest.mark.parametrize("seed", range(3))
def test_any_set_of_heads_can_go(seed, tmp_path):
    removed = np.random.default_rng(seed).random((3, 4)) < 0.6
    small = wb.heads.save_smaller(model("llama"), removed, tmp_path / "small")
    assert small.difference < 1e-5 and small.removed == removed.sum()


def test_pruning_writes_what_it_measured(tmp_path):
    found = wb.heads.prune(model("llama"), corpus(TEXTS), keep="de", budget=0.2, out=tmp_path / "m", **FAST)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "m").eval()
    with torch.no_grad():
        loss = np.mean([float(oracle.loss(again, ids)) for ids in halves()[1]["de"]])
    assert abs(float(found.baseline[0] + found.rise.isel(removed=-1).sel(order="greedy")[0]) - loss) < 1e-5
    assert found.attrs["logit_difference"] < 1e-5


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"keep": []}, BadArgument, "dropping every language"),
        ({"keep": "de", "drop": "de,en"}, BadArgument, "de cannot be kept and dropped"),
        ({"keep": "xx"}, UnknownLanguage, "'xx'"),
        ({"keep": "de", "budget": -0.1}, BadArgument, "budget=-0.1"),
        ({"keep": "de", "push": -1}, BadArgument, "push=-1"),
        ({"keep": "de", "candidates": 0}, BadArgument, "candidates=0"),
        ({"keep": "de", "compare": ["best"]}, BadArgument, "'best' does not exist"),
        ({"keep": "de", "draws": 0}, BadArgument, "draws=0"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        wb.heads.prune(model("llama"), corpus(TEXTS), progress=False, **options)


def test_heads_that_do_not_exist_are_named(tmp_path):
    with pytest.raises(BadArgument, match="head 4 of layer 0 does not exist; there are layers 0 to 2 and heads 0 to 3"):
        wb.heads.save_smaller(model("llama"), [(0, 4)], tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_interrupt_keeps_the_choices(monkeypatch):
    prune = sys.modules["workbench.heads.removal.prune"]  # the name in the package is the function
    run, calls = prune.measure, []

    def stop(*args, **options):
        calls.append(args)
        if len(calls) == 4:  # clean, two steps, then the third
            raise KeyboardInterrupt
        return run(*args, **options)

    monkeypatch.setattr(prune, "measure", stop)
    with pytest.raises(Interrupted, match="after 2 removals") as caught:
        wb.heads.prune(model("llama"), corpus(TEXTS), keep="de", budget=9, candidates=None, **FAST)
    assert int(caught.value.partial.removed_head.sum()) == 2


@pytest.mark.parametrize("count", [3, 5])
def test_shapley_of_few_heads_is_the_mean_over_all_orders(count):
    players = [(0, 1), (0, 2), (1, 0), (2, 3), (2, 0)][:count]
    found = wb.heads.shapley(model("llama"), corpus(TEXTS), heads=players, progress=False)
    assert found.attrs["exact"] == 1
    for language, rows in token_ids(TEXTS).items():
        for cell, value in heads_removal.shapley(module("llama"), rows, players, (3, 4)).items():
            assert abs(float(found.value.sel(language=language).values[cell]) - value) < 1e-5
    np.testing.assert_allclose(found.value.sum(("layer", "head")), found.total, atol=1e-6)
    assert int(found.value.notnull().sum()) == 3 * count


def test_random_orders_approach_the_exact_value():
    from workbench.heads.scores.shapley import _contributions, enumerated

    generator = np.random.default_rng(0)
    weights, pairs = generator.normal(size=6), generator.normal(size=(6, 6))

    def worth(sets):
        sets = sets.astype(float)
        return (sets @ weights + np.einsum("si,ij,sj->s", sets, np.triu(pairs, 1), sets))[:, None]

    exact = enumerated(worth, 6)[:, 0]
    np.testing.assert_allclose(exact, weights + (np.triu(pairs, 1) + np.triu(pairs, 1).T).sum(1) / 2)  # by hand
    ends = worth(np.array([[False] * 6, [True] * 6]))
    drawn = np.stack([_contributions(worth, generator.permutation(6), ends, 0.0)[:, 0] for _ in range(400)])
    error = drawn.std(0, ddof=1) / 20
    assert (abs(drawn.mean(0) - exact) < 4 * error).all() and (error < 0.2).all()


def test_two_heads_that_stand_in_for_each_other_share_what_one_does():
    """An OR of two heads: taking one away changes nothing, so ablation gives both 0."""
    from workbench.heads.scores.shapley import enumerated

    found = enumerated(lambda sets: sets[:, :2].any(1).astype(float)[:, None], 4)[:, 0]
    np.testing.assert_allclose(found, [0.5, 0.5, 0, 0])


def test_sampled_values_sum_to_the_total_and_are_cut_only_within_the_tolerance():
    free = wb.heads.shapley(model("llama"), corpus(TEXTS), permutations=3, tolerance=0.0, progress=False)
    np.testing.assert_allclose(free.value.sum(("layer", "head")), free.total, atol=1e-5)
    assert free.attrs["exact"] == 0 and (free.standard_error >= 0).all()
    cut = wb.heads.shapley(model("llama"), corpus(TEXTS), permutations=3, tolerance=0.05, progress=False)
    assert (abs(cut.value.sum(("layer", "head")) - cut.total) < 0.05 + 1e-6).all()
    for options, message in (
        ({"permutations": 1}, "at least 2"),
        ({"tolerance": -1}, "tolerance=-1; give a finite number from 0"),
        ({"heads": []}, "names none"),
    ):
        with pytest.raises(BadArgument, match=message):
            wb.heads.shapley(model("llama"), corpus(TEXTS), progress=False, **options)
