"""DLN: overlaps by hand, clusters by trying every division, and the planted truth."""

from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import workbench as wb
from tests.neurons.tables import counts
from tests.planted.cases import made
from workbench.errors import BadArgument, BadCounts, TooFewLanguages
from workbench.neurons.classes.distribution import distribution


def sketched(table, languages=None) -> xr.Dataset:
    """Counts of bins [language, bin, neuron], of one layer."""
    table = np.asarray(table)
    fired = table[:, table.shape[1] // 2 :].sum(1)[:, None]
    data = counts(fired, table.sum(1)[:, 0], languages=languages)
    return data.assign(sketch=(("language", "bin", "layer", "neuron"), table[:, :, None]))


def test_by_hand():
    # neuron 0: shares (1 0 0), (.5 .5 0), (0 0 1): overlaps de-en .5, de-fr 0, en-fr 0; neuron 1 alike everywhere
    table = [[[4, 2], [0, 1], [0, 1]], [[2, 2], [2, 1], [0, 1]], [[0, 4], [0, 2], [8, 2]]]
    result = distribution(sketched(table, ["de", "en", "fr"]), top_rate=0.4)  # rank 2 of 0 0 .5 1 1 1
    np.testing.assert_array_equal(result.cost[0], [0, 1])
    np.testing.assert_array_equal(result.overlap[:, 0, 0], [0.25, 0.25, 0])
    np.testing.assert_array_equal(result.score[:, 0, 0], [0, 0, 1])
    np.testing.assert_array_equal(result.score[:, 0, 1], 0)
    assert result.kind.values.tolist() == [["specific", "other"]] and (result.tau, result.bins) == (0, 3)
    assert result.member.values[:, 0, 0].tolist() == [False, False, True] and not result.member[..., 1].any()


def test_neurons_that_are_alike_everywhere_are_no_language_neurons():
    result = distribution(sketched(np.full((3, 2, 2), 4)), top_rate=1)
    assert result.tau == 1 and not result.member.any() and (result.kind == "other").all()


def test_counts_without_a_sketch_give_two_bins():
    result = distribution(counts([[[8, 1]], [[2, 1]], [[0, 1]]], [10, 10, 10]), top_rate=0.5)
    np.testing.assert_allclose(result.cost[0], [0.4, 1])  # de .8 apart from en .2 and fr 0
    np.testing.assert_allclose(result.overlap[:, 0, 0], [0.3, 0.6, 0.5])
    assert result.member.values[:, 0, 0].tolist() == [True, False, False] and result.bins == 2


def test_an_even_split_goes_to_the_side_that_fires_more():
    table = counts([[[0, 9]], [[0, 9]], [[9, 0]], [[9, 0]]], [10] * 4)
    assert distribution(table).score.values[:, 0].T.tolist() == [[0, 0, 0.9, 0.9], [0.9, 0.9, 0, 0]]
    assert distribution(table, even="first").score.values[:, 0].T.tolist() == [[0.9, 0.9, 0, 0]] * 2


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6).flatmap(lambda size: arrays(np.int64, (size, 3, 4), elements=st.integers(0, 3))))
def test_clusters_are_those_of_the_best_of_all_divisions(table):
    table = table + np.eye(3, dtype=int)[np.zeros(len(table), dtype=int)][:, :, None]  # no empty language
    table[:, 2] += table.sum(1).max() - table.sum(1)  # as many tokens for each neuron
    result = distribution(sketched(table), even="first")
    shares = table / table.sum(1, keepdims=True)
    for neuron in range(4):
        overlap = np.minimum(shares[:, None, :, neuron], shares[None, :, :, neuron]).sum(-1).round(12)
        cost, cluster = best_division(overlap)
        assert result.cost.values[0, neuron] == cost
        np.testing.assert_allclose(result.score.values[:, 0, neuron], (1 - cost) * cluster)


def best_division(overlap):
    """The first division of least largest overlap across: smaller side first, then by number; halves have 0."""
    count, best = len(overlap), (np.inf, np.zeros(len(overlap)))
    for size in range(1, count // 2 + 1):
        for side in combinations(range(count), size):
            if 2 * size == count and 0 not in side:
                continue
            others = [k for k in range(count) if k not in side]
            cost = overlap[np.ix_(side, others)].max()
            if cost < best[0]:
                best = cost, np.isin(np.arange(count), side)
    return best


@pytest.mark.parametrize("seed", [0, 1])
def test_the_planted_truth_is_ranked_first(seed):
    one = made("neurons", seed=seed, languages="de,en,fr,it")
    firing = wb.neurons.firing(one.model, one.corpus, sketch=True, progress=False)
    result = distribution(firing.drop_vars("sketch"), top_rate=0.005)  # about as many pairs as are planted
    scored = wb.planted.score(result, one.truth)
    np.testing.assert_array_equal(scored.average_precision, 1)
    np.testing.assert_array_equal(scored.precision, 1)
    # the sketch also sees that ordinary neurons of later layers fire alike often and not alike strongly
    of_sketch = wb.planted.score(distribution(firing), one.truth, variable="score")
    assert of_sketch.average_precision.min() > 0.85 > 20 * of_sketch.chance.max()


def test_other_functions_take_its_classes():
    one = made("neurons", seed=0, languages="de,en,fr,it")
    result = distribution(wb.neurons.firing(one.model, one.corpus, progress=False))
    moved = wb.neurons.compare(result, result, permutations=2, progress=False)
    assert moved.attrs["kept"] == 1
    lost = wb.neurons.knockout(one.model, one.corpus, result, controls=1, progress=False)
    assert lost.delta.sizes["group"] == 4


def test_its_members_agree_with_those_of_other_methods_beyond_chance():
    one = made("neurons", seed=0, languages="de,en,fr,it")
    firing = wb.neurons.firing(one.model, one.corpus, progress=False)
    methods = {"dln": distribution(firing, top_rate=0.005), "lape": wb.neurons.lape(firing)}
    members = {name: result.sel(language="de").rename(member="neuron_member") for name, result in methods.items()}
    agreement = wb.patching.overlap(members, over="neuron", permutations=200)
    both = int(one.truth.member.sel(language="de").sum())
    assert agreement.shared.sel(circuit="dln", other="lape") == both
    assert agreement.p_value.sel(circuit="dln", other="lape") < 0.05


def test_refusals():
    with pytest.raises(TooFewLanguages):
        distribution(counts([[[1]]], [2]))
    with pytest.raises(BadArgument):
        distribution(counts([[[1]], [[1]]], [2, 2]), top_rate=0)
    with pytest.raises(BadArgument):
        distribution(counts([[[1]], [[1]]], [2, 2]), even="last")
    broken = sketched(np.ones((2, 3, 1), dtype=int))
    broken["sketch"] = broken.sketch * 2
    with pytest.raises(BadCounts, match="add up"):
        distribution(broken)


@pytest.mark.parametrize("with_sketch", [True, False])
def test_features_have_an_axis_of_their_own(with_sketch):
    of_neurons = sketched([[[4, 2], [0, 1], [0, 1]], [[2, 2], [2, 1], [0, 1]]], ["de", "en"])
    if not with_sketch:
        of_neurons = of_neurons.drop_vars("sketch")
    result = distribution(of_neurons.rename(neuron="feature"), top_rate=0.5)
    assert result.member.dims == ("language", "layer", "feature")
    assert "neuron" not in str([values.attrs for values in result.data_vars.values()])
    np.testing.assert_array_equal(result.score, distribution(of_neurons, top_rate=0.5).score)
