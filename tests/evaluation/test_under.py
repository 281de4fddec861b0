"""Accuracy without groups of heads and neurons, side by side with plain runs; tables and paired comparisons."""

import numpy as np
import pytest
import torch
from scipy import stats

import workbench as wb
from tests.evaluation.test_accuracy import QUICK, planted, rows
from workbench.errors import BadArgument, BadResult

GROUPS = {"de": [(0, 1), (1, 2)], "en": [(2, 0)], "none": []}


@pytest.fixture(scope="module")
def effects(wrapped):
    return wb.evaluation.under(wrapped("llama"), wb.load_task(rows(items=10)), GROUPS, controls=3, **QUICK)


def test_delta_is_the_change_of_the_accuracy(wrapped, effects):
    model, task = wrapped("llama"), wb.load_task(rows(items=10))
    clean = wb.evaluation.accuracy(model, task, **QUICK)
    np.testing.assert_allclose(effects.baseline, clean.accuracy)
    for name, heads in GROUPS.items():
        off = wb.evaluation.accuracy(model, task, heads=heads, **QUICK)
        np.testing.assert_allclose(effects.delta.sel(group=name), 100 * (off.accuracy - clean.accuracy), atol=1e-9)
        np.testing.assert_array_equal(effects.sample_delta.sel(group=name), off.correct - clean.correct)
    assert effects["units"].values.tolist() == [2, 1, 0]
    assert (effects.delta.sel(group="none") == 0).all() and (effects.mcnemar.sel(group="none") == 1).all()


def test_controls_are_the_random_groups_of_the_same_layers(wrapped, effects):
    from workbench.results.groups import random_groups, read_units

    model, task = wrapped("llama"), wb.load_task(rows(items=10))
    mask = read_units(GROUPS["de"], model.n_layers, model.n_heads, unit="head")
    drawn = random_groups("de", mask, 3, seed=0, unit="head", reuse_own=True)
    clean = wb.evaluation.accuracy(model, task, **QUICK)
    for control, own in enumerate(drawn):
        off = wb.evaluation.accuracy(model, task, heads=np.argwhere(own).tolist(), **QUICK)
        expected = 100 * (off.accuracy.values - clean.accuracy.values)
        np.testing.assert_allclose(effects.control_delta.sel(group="de", control=control), expected, atol=1e-9)
    np.testing.assert_allclose(effects.excess, effects.delta - effects.control_delta.mean("control"), atol=1e-9)


def test_neurons_and_fills(wrapped):
    model, task = wrapped("llama"), wb.load_task(rows(items=4))
    pairs = {"a": [(0, 3), (1, 7)]}
    fill = torch.full((model.n_layers, model.n_neurons), 0.5)
    result = wb.evaluation.under(
        model, task, pairs, unit="neuron", fill=fill, controls=1, normalize="unconditional", **QUICK
    )
    scales = torch.ones(model.n_layers, model.n_neurons)
    scales[0, 3] = scales[1, 7] = 0
    with wb.model.edited(model, neurons=scales, neuron_fill=fill):
        inside = wb.evaluation.accuracy(model, task, normalize="unconditional", **QUICK)
    clean = wb.evaluation.accuracy(model, task, normalize="unconditional", **QUICK)
    np.testing.assert_allclose(result.delta[0], 100 * (inside.accuracy - clean.accuracy), atol=1e-9)


def test_what_cannot_be_removed_is_refused(wrapped):
    model, task = wrapped("llama"), wb.load_task(rows(items=2))
    with pytest.raises(BadArgument, match="head 9 of layer 0 in group 'de' does not exist"):
        wb.evaluation.under(model, task, {"de": [(0, 9)]}, **QUICK)
    with pytest.raises(BadArgument, match="controls"):
        wb.evaluation.under(model, task, GROUPS, controls=-1, **QUICK)


def test_two_conditions_are_compared_item_by_item():
    texts, gold = [["a", "b"]] * 8, [0] * 8
    before = wb.evaluation.choose(planted([[-1, -2]] * 5 + [[-2, -1]] * 3, texts, gold))
    after = wb.evaluation.choose(planted([[-2, -1]] * 5 + [[-1, -2]] + [[-2, -1]] * 2, texts, gold))
    result = wb.evaluation.compare(before, after)
    assert (result.gained.item(), result.lost.item()) == (1, 5) and result.change.item() == -50
    assert result.p_value.item() == pytest.approx(0.21875)
    assert result.low.item() <= -50 <= result.high.item() < 100
    with pytest.raises(BadResult, match="measure the same task"):
        wb.evaluation.compare(before, wb.evaluation.choose(planted([[-1, -2]], texts[:1], [0])))


def test_a_table_corrects_over_all_its_cells():
    right, wrong = [-1.0, -2.0, -3.0, -4.0], [-2.0, -1.0, -3.0, -4.0]
    texts, gold = [["a", "b", "c", "d"]] * 10, [0] * 10
    parts = {
        name: wb.evaluation.choose(planted([right] * n + [wrong] * (10 - n), texts, gold))
        for name, n in (("x", 8), ("y", 4))
    }
    table = wb.evaluation.table(parts)
    raw = [stats.binomtest(n, 10, 0.25, alternative="greater").pvalue for n in (8, 4)]
    np.testing.assert_allclose(table.p_value.values[:, 0], stats.false_discovery_control(raw))
    np.testing.assert_allclose(table.headroom.values[:, 0], [(0.8 - 0.25) / 0.75, (0.4 - 0.25) / 0.75])
    assert table.mean_accuracy.item() == pytest.approx(0.6)
    assert table.above.values[:, 0] == pytest.approx([55, 15])
    assert table.low.values[0, 0] == pytest.approx(0.4902, abs=5e-5)
    assert wb.figures.heatmap(table, "above").data
    with pytest.raises(BadResult, match="'x' is no result"):
        wb.evaluation.table({"x": parts["x"].drop_vars("choice")})


def test_picks_by_tokens_are_those_of_accuracy(wrapped):
    model, task = wrapped("llama"), wb.load_task(rows(items=4))
    with pytest.warns(UserWarning, match="divides by tokens"):
        effects = wb.evaluation.under(model, task, GROUPS, controls=1, normalize="tokens", **QUICK)
    with pytest.warns(UserWarning, match="divides by tokens"):
        clean = wb.evaluation.accuracy(model, task, normalize="tokens", **QUICK)
    np.testing.assert_array_equal(effects.baseline, clean.accuracy)


def test_a_table_is_of_one_model_and_records_its_tasks_and_seed(wrapped):
    task = wb.load_task(rows(items=4))
    parts = {name: wb.evaluation.accuracy(wrapped(name), task, seed=3, **QUICK) for name in ("llama", "gpt2")}
    record = wb.results.provenance(wb.evaluation.table({"x": parts["llama"], "y": parts["llama"]}))
    assert record["seed"] == 3 and record["corpus"]["y"]["hash"] == task.info["hash"]
    with pytest.raises(BadResult, match="several models"):
        wb.evaluation.table(parts)
