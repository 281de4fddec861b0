"""Knock-out of groups of heads: the plain loop, its controls, its diagonal, and a planted model."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import workbench as wb
from tests.heads.cases import TEXTS, corpus, model, module, token_ids
from tests.heads.planted import HEAD, planted, texts
from tests.models import byte_tokenizer
from tests.oracles import heads_knockout as oracle
from workbench.errors import BadArgument, BadResult, Interrupted, UnsupportedSite
from workbench.heads.groups import random_groups, read_groups
from workbench.heads.removal.diagonal import diagonal
from workbench.heads.scores import measure
from workbench.model.load import load_model

GROUPS = {"de": [(0, 3), (2, 1), (2, 2)], "b": [(1, 0)], "none": []}


def knock(model, groups=GROUPS, texts=None, **options):
    return wb.heads.knockout(model, corpus(texts), groups, **{"controls": 3, "progress": False, **options})


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "bloom", "cohere"])
def test_every_text_is_that_of_the_plain_loop(kind):
    found = knock(model(kind), controls=0)
    for group, pairs in GROUPS.items():
        for language, values in oracle.knockout(module(kind), token_ids(), pairs).items():
            cell = found.sel(group=group, language=language)
            np.testing.assert_allclose(cell.sample_delta[: len(values)], values, atol=1e-5)
            np.testing.assert_allclose(cell.delta, np.mean(values), atol=1e-5)
    assert found.heads.values.tolist() == [3, 1, 0] and (found.delta.sel(group="none") == 0).all()


def test_heads_can_be_doubled():
    found = knock(model("llama"), controls=0, scale=2.0)
    for language, values in oracle.knockout(module("llama"), token_ids(), GROUPS["de"], 2.0).items():
        np.testing.assert_allclose(found.delta.sel(group="de", language=language), np.mean(values), atol=1e-5)


def test_random_groups_are_run_like_groups():
    found = knock(model("llama"), seed=5)
    drawn = random_groups("de", read_groups(GROUPS, 3, 4)["de"], 3, seed=5)
    again = knock(model("llama"), {str(i): np.argwhere(mask) for i, mask in enumerate(drawn)}, controls=0)
    np.testing.assert_allclose(found.control_delta.sel(group="de"), again.delta, atol=2e-6)
    np.testing.assert_allclose(found.control_mean.sel(group="de"), again.delta.mean("group"), atol=2e-6)
    np.testing.assert_allclose(found.sample_control.sel(group="de"), again.sample_delta.mean("group"), atol=2e-6)
    np.testing.assert_allclose(found.excess, found.delta - found.control_mean, atol=1e-12)
    excess = (found.sample_delta - found.sample_control).values
    rows = [len(TEXTS[language]) for language in TEXTS]
    p = [stats.ttest_1samp(excess[g, k, :n], 0)[1] if g < 2 else 1.0 for g in range(3) for k, n in enumerate(rows)]
    np.testing.assert_allclose(found.p_value.values.ravel(), stats.false_discovery_control(p), rtol=1e-4)
    assert bool((again.control_mean.isnull() & again.p_value.isnull()).all())


def test_random_groups_match_layers_and_avoid_the_group_where_they_can():
    mask = np.zeros((3, 8), dtype=bool)
    mask[0, :3] = mask[2, 5:] = mask[1, :6] = True
    drawn = random_groups("g", mask, 40, seed=1)
    assert (drawn.sum(2) == mask.sum(1)).all()
    assert not (drawn & mask)[:, [0, 2]].any()
    assert ((drawn & mask)[:, 1].sum(1) == 4).all(), "two heads of six are outside: both are taken"
    assert drawn[:, 0].any(0).sum() == 5
    np.testing.assert_array_equal(drawn, random_groups("g", mask, 40, seed=1))
    assert (drawn != random_groups("g", mask, 40, seed=2)).any()


def test_batches_order_and_other_groups_change_nothing(monkeypatch):
    whole = knock(model("llama"))
    others = [knock(model("llama"), batch_size=1), knock(model("llama"), {"de": GROUPS["de"]})]
    monkeypatch.setattr(measure, "cells_at_once", lambda *args: 2)
    others.append(knock(model("llama")))
    others.append(knock(model("llama"), texts={k: v[::-1] for k, v in reversed(TEXTS.items())}))
    for other in others:
        cell = whole.sel(group=other.group, language=other.language)
        for name in ("delta", "low", "control_low", "control_high", "excess_low", "high"):
            np.testing.assert_allclose(cell[name], other[name], atol=2e-6)


def test_the_diagonal_is_its_own_language_less_the_others():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(4, 3, 30)) * 0.1
    samples[[0, 1, 2], [2, 0, 1]] += 1.0  # groups c, a, b hit their own
    found = diagonal(samples, ["c", "a", "b", "x"], ["a", "b", "c"], aligned=True)
    means = samples.mean(2)
    expected = [means[0, 2] - means[0, :2].mean(), means[1, 0] - means[1, 1:].mean()]
    np.testing.assert_allclose(found.contrast[:2], expected)
    assert np.isnan(found.contrast[3]) and np.isnan(found.low[3])
    assert abs(found.mean - found.contrast[:3].mean()) < 1e-12
    assert (found.low[:3] > 0.9).all() and (found.high[:3] < 1.1).all()
    assert found.mean_low < found.mean < found.mean_high
    assert (found.mean_high - found.mean_low) < 0.2
    exact = oracle.assignment_p(means[[1, 2, 0]])
    assert exact == pytest.approx(1 / 6) and abs(found.p_value - exact) < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_the_permutation_test_is_the_enumeration(seed):
    samples = np.random.default_rng(seed).normal(size=(5, 5, 12))
    found = diagonal(samples, list("abcde"), list("abcde"), aligned=False, seed=seed)
    assert abs(found.p_value - oracle.assignment_p(samples.mean(2))) < 0.02


def test_a_group_that_hits_everything_is_not_diagonal():
    """Rows and columns that are large as a whole give no small p-value."""
    rng = np.random.default_rng(0)
    hits = 0
    for seed in range(60):
        matrix = rng.exponential(3, (6, 1)) + rng.exponential(3, (1, 6)) + rng.normal(size=(6, 6)) * 0.1
        samples = matrix[:, :, None] + rng.normal(size=(6, 6, 4)) * 0.01
        hits += diagonal(samples, list("abcdef"), list("abcdef"), aligned=False, seed=seed).p_value < 0.1
    assert hits <= 14, "a tenth of 60 is 6; 14 has a probability below 0.002"


def test_planted_groups_hit_their_language_and_no_other():
    planted_model = load_model(planted(), tokenizer=byte_tokenizer())
    found = wb.heads.knockout(
        planted_model, texts(), {"en": [HEAD["en"]], "de": [HEAD["de"]], "all": [HEAD["all"]]}, progress=False
    )
    assert (found.delta.sel(group="all") > 0.1).all()
    for name, other in (("en", "de"), ("de", "en")):
        assert found.low.sel(group=name, language=name) > 0.1
        assert abs(found.delta.sel(group=name, language=[other, "fr"])).max() < 1e-6
        assert found.contrast_low.sel(group=name) > 0 and found.p_value.sel(group=name, language=name) < 0.05
    assert found.attrs["diagonal_low"] > 0 and np.isnan(found.contrast.sel(group="all"))


def test_top_takes_the_strongest_of_each_language():
    values = np.array([[[1.0, 5, 3], [np.nan, 2, 4]], [[9.0, 9, 0], [1, 1, np.nan]]])
    result = xr.Dataset({"delta": (("language", "layer", "head"), values)}, {"language": ["de", "en"]})
    assert wb.heads.top(result, share=0.5) == {"de": [(0, 1), (1, 2), (0, 2)], "en": [(0, 0), (0, 1), (1, 0)]}
    assert wb.heads.top(result, share=0.01) == {"de": [(0, 1)], "en": [(0, 0)]}
    assert len(wb.heads.top(result, share=1)["de"]) == 5
    with pytest.raises(BadArgument, match="share=0"):
        wb.heads.top(result, share=0)
    with pytest.raises(BadArgument, match="no variables"):
        wb.heads.top(xr.Dataset())


def test_own_heads_weigh_more_in_their_language_than_elsewhere():
    values = np.array([[[8.0, 1, 1]], [[15, 5, 0]], [[5, -3, 5]]])  # the first head matters most to everyone
    codes = ["de", "en", "ja"]
    result = xr.Dataset({"importance": (("language", "layer", "head"), values)}, {"language": codes})
    found = wb.heads.top(result, share=0.3, own=True)
    for k, code in enumerate(codes):
        parts = [[max(x, 0) / sum(max(y, 0) for y in row[0]) for x in row[0]] for row in values.tolist()]
        beyond = [parts[k][h] - sum(parts[o][h] for o in range(3) if o != k) / 2 for h in range(3)]
        assert found[code] == [(0, int(np.argmax(beyond)))]
    assert found == {"de": [(0, 0)], "en": [(0, 1)], "ja": [(0, 2)]}
    with pytest.raises(BadArgument, match="compares languages"):
        wb.heads.top(result.sel(language=["de"]), own=True)


def test_a_result_of_roles_gives_a_group_for_each_language(tmp_path):
    roles = wb.heads.roles(wb.heads.importance(model("llama"), corpus(), progress=False), quantile=0.7)
    found = knock(model("llama"), roles)
    assert found.group.values.tolist() == list(TEXTS)
    again = knock(model("llama"), {k: np.argwhere(roles.member.sel(language=k).values) for k in TEXTS})
    np.testing.assert_array_equal(found.excess, again.excess)
    path = wb.save_result(found, tmp_path / "knockout.nc")
    xr.testing.assert_identical(wb.load_result(path), found)
    with pytest.raises(BadResult, match="2 layers of 4 heads, the model has 3 of 4"):
        knock(model("llama"), roles.isel(layer=slice(2)))
    with pytest.raises(BadResult, match="no variables"):
        knock(model("llama"), xr.Dataset())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": {"a": [(3, 0)]}}, "head 0 of layer 3 in group 'a' does not exist; there are layers 0 to 2"),
        ({"groups": {"a": [4]}}, r"4 in group 'a' is not a \(layer, head\) pair"),
        ({"groups": {}}, "names no group"),
        ({"controls": -1}, "controls=-1"),
        ({"level": 1}, "level=1"),
        ({"scale": 1}, "scale=1"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(BadArgument, match=message):
        knock(model("llama"), **options)


def test_a_model_without_heads_is_refused(monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "head", False)
    with pytest.raises(UnsupportedSite, match="head"):
        knock(model("llama"))


def test_an_interrupt_keeps_finished_languages(monkeypatch):
    whole, run, calls = knock(model("llama")), measure.run_cells, []

    def stop(*args, **options):
        calls.append(args)
        if len(calls) == 6:  # four texts of German, then English
            raise KeyboardInterrupt
        return run(*args, **options)

    monkeypatch.setattr(measure, "run_cells", stop)
    with pytest.raises(Interrupted, match="finished languages: de of 3") as caught:
        knock(model("llama"), batch_size=1)
    partial = caught.value.partial
    np.testing.assert_allclose(partial.excess.sel(language="de"), whole.excess.sel(language="de"), atol=2e-6)
    assert bool(partial.delta.sel(language=["en", "ja"]).isnull().all())
