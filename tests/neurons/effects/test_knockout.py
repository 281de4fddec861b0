"""Knock-out against the plain loop, its controls and its identities."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from tests.models import byte_tokenizer, tiny
from tests.oracles import neuron_edits as oracle
from workbench.errors import BadArgument, BadResult, Interrupted, UnsupportedSite
from workbench.neurons import knockout
from workbench.neurons.groups import random_groups, read_groups
from workbench.text.corpus import Corpus

TEXTS = {"en": ("good morning", "a cat", "yes, of course"), "de": ("guten Morgen", "eine Katze", "ja")}
CORPUS = Corpus(TEXTS, aligned=True, source="test")
GROUPS = {"a": [(0, 3), (0, 7), (2, 1)], "b": [(1, 0)], "none": []}
DOWN = {
    "llama": lambda m: [layer.mlp.down_proj for layer in m.model.layers],
    "gpt2": lambda m: [layer.mlp.c_proj for layer in m.transformer.h],
    "opt": lambda m: [layer.fc2 for layer in m.model.decoder.layers],
    "cohere": lambda m: [layer.mlp.down_proj for layer in m.model.layers],
}


def knock(model, members=GROUPS, corpus=CORPUS, **options):
    return knockout(model, corpus, members, **{"controls": 3, "progress": False, **options})


@pytest.mark.parametrize("kind", DOWN)
def test_every_text_is_that_of_the_plain_loop(kind, wrapped):
    module = tiny(kind)
    found = knock(wrapped(kind))
    for group, off in GROUPS.items():
        wanted = oracle.knockout(module, byte_tokenizer(), TEXTS, DOWN[kind](module), off)
        for language, values in wanted.items():
            cell = found.sel(group=group, language=language)
            np.testing.assert_allclose(cell.sample_delta, values, atol=2e-5)
            np.testing.assert_allclose(cell.delta, np.mean(values), atol=2e-5)


def test_random_groups_are_run_like_groups(wrapped):
    model = wrapped("llama")
    found = knock(model, seed=5)
    drawn = random_groups("a", read_groups(GROUPS, 3, 48)["a"], 3, seed=5)
    again = knock(model, {str(i): np.argwhere(mask) for i, mask in enumerate(drawn)}, controls=0)
    np.testing.assert_allclose(found.control_delta.sel(group="a"), again.delta, atol=2e-6)
    np.testing.assert_allclose(found.control_mean.sel(group="a"), again.delta.mean("group"), atol=2e-6)
    np.testing.assert_allclose(found.sample_control.sel(group="a"), again.sample_delta.mean("group"), atol=2e-6)
    np.testing.assert_allclose(found.excess, found.delta - found.control_mean, atol=1e-12)
    excess = (found.sample_delta - found.sample_control).values.astype(float)
    p = [stats.ttest_1samp(excess[g, k], 0).pvalue if g < 2 else 1.0 for g in range(3) for k in range(2)]
    np.testing.assert_allclose(found.p_value.values.ravel(), stats.false_discovery_control(p), rtol=1e-4)
    assert bool((again.control_mean.isnull() & again.p_value.isnull()).all())


def test_random_groups_match_the_layers_and_avoid_the_group():
    mask = np.zeros((3, 40), dtype=bool)
    mask[0, :7] = mask[2, 30:32] = True
    drawn = random_groups("g", mask, 50, seed=1)
    assert (drawn.sum(2) == mask.sum(1)).all()
    assert not (drawn & mask).any()
    assert len({draw.tobytes() for draw in drawn}) == 50
    assert drawn[:, 0].any(0).sum() == 33  # every other neuron of the layer has its turn
    np.testing.assert_array_equal(drawn, random_groups("g", mask, 50, seed=1))
    assert (drawn != random_groups("g", mask, 50, seed=2)).any()


def test_batches_order_and_other_groups_change_nothing(wrapped):
    model = wrapped("llama")
    whole = knock(model)
    for other in (knock(model, batch_size=1), knock(model, {"a": GROUPS["a"]})):
        cell = whole.sel(group=other.group)
        for name in ("delta", "control_low", "control_high", "excess_low", "high"):
            np.testing.assert_allclose(cell[name], other[name], atol=2e-6)
    turned = knock(model, corpus=Corpus({k: v[::-1] for k, v in TEXTS.items()}, aligned=True, source="test"))
    np.testing.assert_allclose(whole.low, turned.low, atol=2e-6)


def test_no_neurons_change_nothing(wrapped):
    empty = knock(wrapped("llama")).sel(group="none")
    for name in ("delta", "control_mean", "control_low", "excess", "excess_high"):
        assert (empty[name] == 0).all()
    assert int(empty.neurons) == 0


def test_a_result_gives_a_group_for_each_language(wrapped):
    model = wrapped("llama")
    member = np.zeros((2, 3, 48), dtype=bool)
    member[0, [0, 0, 2], [3, 7, 1]] = True
    result = xr.Dataset({"member": (("language", "layer", "neuron"), member)}, {"language": ["a", "none"]})
    found = knock(model, result)
    np.testing.assert_array_equal(found.delta, knock(model).delta.sel(group=["a", "none"]))
    with pytest.raises(BadResult, match="3 layers of 47 neurons, the model has 3 of 48"):
        knock(model, result.isel(neuron=slice(47)))
    with pytest.raises(BadResult, match="this Result has no variables"):
        knock(model, xr.Dataset())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": {"a": [(3, 0)]}}, "neuron 0 of layer 3 in group 'a' does not exist"),
        ({"members": {"a": [4]}}, r"4 in group 'a' is not a \(layer, neuron\) pair"),
        ({"members": {}}, "names no group"),
        ({"members": {"a": [(0, n) for n in range(25)]}}, "25 of the 48 neurons of layer 0"),
        ({"controls": -1}, "controls=-1"),
        ({"level": 1}, "level=1"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message, wrapped):
    with pytest.raises(BadArgument, match=message):
        knock(wrapped("llama"), **options)


def test_experts_are_refused(wrapped):
    with pytest.raises(UnsupportedSite, match="neuron"):
        knock(wrapped("qwen3_moe"))


def test_an_interrupt_keeps_finished_cells(wrapped, monkeypatch):
    from workbench.neurons.effects.sweep import Sweep

    begin, calls = Sweep.begin, []

    def interrupted(self, batch):
        calls.append(batch)
        if len(calls) == 5:
            raise KeyboardInterrupt
        begin(self, batch)

    model = wrapped("llama")
    whole = knock(model)
    monkeypatch.setattr(Sweep, "begin", interrupted)
    with pytest.raises(Interrupted, match="3 of 6 cells") as caught:
        knock(model, batch_size=1)
    partial = caught.value.partial
    np.testing.assert_allclose(partial.delta.sel(language="en"), whole.delta.sel(language="en"), atol=2e-6)
    assert bool(
        partial.delta.sel(language="de").isnull().all() & partial.control_mean.sel(language="de").isnull().all()
    )
