import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings

from tests.neurons.strategies import bars, shares, tables
from tests.neurons.tables import by_hand, counts, planted, random
from tests.oracles import neurons as oracle
from workbench.errors import BadArgument, TooFewLanguages
from workbench.neurons.classes.lape import lape
from workbench.results.files import load_result, save_result
from workbench.results.make import provenance


def names(mask) -> set:
    return {(int(layer), int(neuron)) for layer, neuron in np.argwhere(np.asarray(mask))}


def test_by_hand():
    found = lape(by_hand(), top_rate=0.5, bar=0.5)  # rank 4 of 8
    assert found.attrs["tau"] == 0.1
    np.testing.assert_allclose(found.entropy[0], [0, math.log(2), math.log(2), 0.5623351446188083], rtol=1e-14)
    assert names(found.selected) == {(0, 0), (0, 3)}
    assert names(found.member.sel(language="de")) == {(0, 0)}
    assert names(found.member.sel(language="ja")) == {(0, 3)}
    assert (found.attrs["n_selected"], found.attrs["n_dropped"]) == (2, 1)


def test_the_bar_is_strict_and_drops_the_rest():
    found = lape(by_hand(), top_rate=1, bar=0.75)  # rank 6: tau = .5, which the second neuron only reaches
    assert found.attrs["tau"] == 0.5
    assert names(found.selected) == {(0, 0)}
    assert found.attrs["n_dropped"] == 3


def test_three_languages_by_hand():
    # p: (.5 .5 0) entropy ln 2, (1 0 0) entropy 0, (.5 .5 .5) entropy ln 3; in order 0 0 0 .5 x 5, 1
    found = lape(counts([[[2, 4, 2]], [[2, 0, 2]], [[0, 0, 2]]], [4, 4, 4]), top_rate=0.7, bar=0.35)
    assert found.attrs["tau"] == 0  # rank round(3.15) = 3
    np.testing.assert_allclose(found.entropy[0], [math.log(2), 0, math.log(3)], rtol=1e-14)
    assert names(found.selected) == {(0, 0), (0, 1)}
    assert [names(member) for member in found.member] == [{(0, 0), (0, 1)}, {(0, 0)}, set()]


def test_ties_go_to_the_earlier_layer_then_neuron():
    found = lape(counts([[[4, 4], [4, 4]], [[0, 0], [0, 0]]], [4, 4]), top_rate=0.75, bar=0.5)
    assert names(found.selected) == {(0, 0), (0, 1), (1, 0)}


def test_float_noise_breaks_no_tie():
    # counts 1 1 4 and 3 3 12 of 100 have the same q; in float64 the second entropy comes out 1e-16 lower
    found = lape(counts([[[1, 3]], [[1, 3]], [[4, 12]]], [100] * 3), top_rate=0.5, bar=0.05)
    assert found.entropy.values[0, 1] < found.entropy.values[0, 0]
    assert names(found.selected) == {(0, 0)}


def test_nothing_above_the_bar_is_an_empty_selection():
    found = lape(counts([[[2, 2]], [[2, 2]]], [4, 4]), top_rate=0.5)
    assert not found.member.any()
    assert found.attrs["n_dropped"] == 2


@settings(max_examples=150, deadline=None)
@given(tables(), shares, bars)
def test_equals_the_plain_loop(table, top_rate, bar):
    firing, lists = table
    assume(round(firing.sizes["layer"] * firing.sizes["neuron"] * top_rate) > 0)
    members, selected, entropies = oracle.lape(**lists, top_rate=top_rate, bar=bar)
    found = lape(firing, top_rate=top_rate, bar=bar)
    assert names(found.selected) == selected
    assert [names(member) for member in found.member] == members
    for (layer, neuron), value in entropies.items():
        assert found.entropy.values[layer, neuron] == pytest.approx(value, abs=1e-13)


@settings(max_examples=50, deadline=None)
@given(tables(), shares, bars)
def test_the_order_of_languages_changes_nothing(table, top_rate, bar):
    firing, _ = table
    assume(round(firing.sizes["layer"] * firing.sizes["neuron"] * top_rate) > 0)
    found = lape(firing, top_rate=top_rate, bar=bar)
    other = lape(firing.isel(language=slice(None, None, -1)), top_rate=top_rate, bar=bar)
    xr.testing.assert_identical(other.isel(language=slice(None, None, -1)).drop_attrs(), found.drop_attrs())


def test_the_order_of_neurons_and_axes_changes_nothing():
    firing = random(1, 5, 3, 200)
    found = lape(firing, top_rate=0.05)
    order = np.random.default_rng(0).permutation(200)
    moved = lape(firing.isel(neuron=order).transpose("neuron", "language", "layer"), top_rate=0.05)
    np.testing.assert_array_equal(moved.member, found.member.isel(neuron=order))
    np.testing.assert_array_equal(moved.entropy, found.entropy.isel(neuron=order))


def test_planted_neurons_are_found_exactly():
    firing, kind, member = planted()
    found = lape(firing, top_rate=15 / 400, bar=1 - 105 / 4000)
    np.testing.assert_array_equal(found.member, member)
    np.testing.assert_array_equal(found.selected, np.isin(kind, ["specific", "related"]))


def test_prefix_counts_are_not_subtracted():
    plain = by_hand()
    firing = counts(plain.fired, plain.tokens, plain.fired // 2, plain.tokens // 2, languages=["de", "ja"])
    xr.testing.assert_equal(lape(firing, top_rate=0.5, bar=0.5), lape(plain, top_rate=0.5, bar=0.5))


def test_labels_and_origin_are_kept(tmp_path):
    firing = by_hand().assign_coords(layer=[7], neuron=[2, 3, 5, 8])
    first = lape(firing, top_rate=0.5, bar=0.5)
    assert provenance(first)["parameters"] == {"top_rate": 0.5, "bar": 0.5, "firing": None}
    firing.attrs["provenance"] = '{"method": "neurons.firing", "model": {"name": "m"}, "corpus": {"hash": "h"}}'
    found = lape(firing, top_rate=0.5, bar=0.5)
    assert found.neuron.values.tolist() == [2, 3, 5, 8]
    assert found.layer.values.tolist() == [7]
    record = provenance(found)
    assert record["parameters"]["firing"]["method"] == "neurons.firing"
    assert (record["model"], record["corpus"]) == ({"name": "m"}, {"hash": "h"})
    assert found.entropy.attrs["units"] == "nats"
    xr.testing.assert_identical(load_result(save_result(found, tmp_path / "lape.nc")), found)
    firing.attrs["provenance"] = "counted by hand"
    assert provenance(lape(firing, top_rate=0.5))["parameters"]["firing"] == {"text": "counted by hand"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_rate": 0}, "top_rate=0; give a finite number above 0 and at most 1"),
        ({"top_rate": 1.5}, "top_rate=.*; give a finite number"),
        ({"top_rate": float("nan")}, "top_rate=.*; give a finite number"),
        ({"top_rate": "1%"}, "top_rate='1%'; give a finite number"),
        ({"top_rate": 0.01}, "top_rate=0.01 of 4 neurons rounds to none; use a top_rate of at least 0.25"),
        ({"bar": 1}, "bar=1; give a finite number above 0 and below 1"),
        ({"bar": -0.1}, "bar=.*; give a finite number"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(BadArgument, match=message):
        lape(by_hand(), **options)


def test_one_language_is_too_few():
    with pytest.raises(TooFewLanguages, match=r"at least two; the counts have 1: \['de'\]"):
        lape(by_hand().isel(language=[0]))
