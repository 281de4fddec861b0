import math
import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings

from tests.neurons.strategies import bars, shares, tables, weights
from tests.neurons.tables import by_hand, counts, planted, random
from tests.oracles import neurons as oracle
from workbench.errors import BadArgument, TooFewLanguages
from workbench.neurons.classes.ternary import KINDS, ternary
from workbench.results.files import load_result, save_result
from workbench.results.make import provenance


def names(mask) -> set:
    return {(int(layer), int(neuron)) for layer, neuron in np.argwhere(np.asarray(mask))}


def kinds(found) -> dict:
    return {place: str(found.kind.values[place]) for place in np.ndindex(found.kind.shape)}


def selectable(firing, top_rate) -> bool:
    return round(firing.sizes["layer"] * firing.sizes["neuron"] * top_rate) > 0


def quiet(firing, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return ternary(firing, **options)


def test_by_hand():
    found = ternary(by_hand(), top_rate=0.5, bar=0.5, lam=0)
    assert found.attrs["tau"] == 0.1
    assert found.kind.values.tolist() == [["specific", "general", "other", "specific"]]
    assert [names(member) for member in found.member] == [{(0, 0)}, {(0, 3)}]
    np.testing.assert_allclose(found.score[0], [0, math.log(2), math.log(2), 0.5623351446188083], rtol=1e-14)
    assert [found.attrs[f"n_{kind}"] for kind in KINDS] == [2, 0, 1, 0, 1]
    assert found.attrs["lam_search"] == "given"


def test_unassigned_by_hand():
    found = ternary(by_hand(), top_rate=0.5, bar=0.75, lam=0)  # rank 6 of 8: tau = .5
    assert found.kind.values.tolist() == [["specific", "other", "other", "unassigned"]]


def test_a_large_lambda_selects_a_general_neuron_by_hand():
    # paper scores with lam 2: 0 - 2, ln 2 - 1 = -0.307, ln 2, 0.562 - 0.6 = -0.038
    found = ternary(by_hand(), top_rate=0.5, bar=0.5, lam=2)
    np.testing.assert_allclose(found.score[0], [-2, math.log(2) - 1, math.log(2), 0.5623351446188083 - 0.6], rtol=1e-13)
    assert found.kind.values.tolist() == [["specific", "general", "other", "other"]]
    assert names(found.selected) == {(0, 0), (0, 1)}
    assert [names(member) for member in found.member] == [{(0, 0), (0, 1)}, {(0, 1)}]


def test_related_and_the_released_scaling_by_hand():
    # K = 3, (1 + 1/2 + 1/3) / 3 = 11/18; p: (.5 .5 0), (1 0 0), (.5 .5 .5), dead
    firing = counts([[[2, 4, 2, 0]], [[2, 0, 2, 0]], [[0, 0, 2, 0]]], [4, 4, 4])
    found = ternary(firing, top_rate=0.5, bar=0.5, lam=0.11, variant="released")
    assert found.attrs["tau"] == 0  # six of twelve rates are 0: rank 6
    expected = [math.log(2) / math.log(3) - 0.09, -0.18, 1 - 0.09, 1]
    np.testing.assert_allclose(found.score[0], expected, rtol=1e-14)
    assert found.kind.values.tolist() == [["related", "specific", "general", "other"]]
    assert found.attrs["lam"] == 0.11
    assert found.attrs["lam_paper"] == pytest.approx(0.11 * math.log(3) * 18 / 11)


@settings(max_examples=150, deadline=None)
@given(tables(prefix=True), shares, bars, weights)
def test_equals_the_plain_loop(table, top_rate, bar, lam):
    firing, lists = table
    assume(selectable(firing, top_rate))
    p = oracle.rates(**lists)
    kind, members, scores = oracle.ternary(p, lam, top_rate, bar)
    found = quiet(firing, top_rate=top_rate, bar=bar, lam=lam, variant="released")
    assert found.attrs["tau"] == oracle.percentile(p, bar)
    assert kinds(found) == kind
    assert [names(member) for member in found.member] == members
    for (layer, neuron), value in scores.items():
        assert found.score.values[layer, neuron] == pytest.approx(value, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(tables(), shares, bars, weights)
def test_both_scalings_select_the_same_neurons(table, top_rate, bar, lam):
    firing, lists = table
    assume(selectable(firing, top_rate))
    factor = oracle.conversion(len(lists["tokens"]))
    released = ternary(firing, top_rate=top_rate, bar=bar, lam=lam, variant="released")
    paper = ternary(firing, top_rate=top_rate, bar=bar, lam=lam * factor)
    xr.testing.assert_identical(paper.drop_vars("score").drop_attrs(), released.drop_vars("score").drop_attrs())
    np.testing.assert_allclose(paper.score, released.score * math.log(len(lists["tokens"])), atol=1e-12)
    row = oracle.rates(**lists)[0, 1]
    assert paper.score.values[0, 1] == pytest.approx(oracle.paper_score(row, lam * factor), abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(tables(), shares, bars)
def test_the_automatic_lambda_equals_a_plain_bisection(table, top_rate, bar):
    firing, lists = table
    assume(selectable(firing, top_rate))
    p = oracle.rates(**lists)
    try:
        found = ternary(firing, top_rate=top_rate, bar=bar, variant="released")
    except BadArgument:
        assert oracle.bisected(p, top_rate, bar) is None
        return
    assert oracle.everywhere(p, found.attrs["lam"], top_rate, bar) == 0
    if found.attrs["monotone"] and found.attrs["lam"] > 0:
        assert found.attrs["lam"] == oracle.bisected(p, top_rate, bar)


def test_the_automatic_lambda_inside_the_range():
    firing = random(3, 4, 2, 150)
    options = {"top_rate": 0.1, "bar": 0.9}
    found, paper = ternary(firing, **options, variant="released"), ternary(firing, **options)
    lists = {"fired": firing.fired.values.tolist(), "tokens": firing.tokens.values.tolist()}
    p = oracle.rates(**lists)
    assert 0 < found.attrs["lam"] < 0.2
    assert found.attrs["lam"] == oracle.bisected(p, **options)
    assert oracle.everywhere(p, found.attrs["lam"] + 1e-3, **options) > 0
    assert kinds(found) == oracle.ternary(p, found.attrs["lam"], **options)[0]
    assert kinds(found) == kinds(paper)
    assert paper.attrs["lam"] == paper.attrs["lam_paper"] == pytest.approx(found.attrs["lam"] * oracle.conversion(4))
    assert paper.attrs["lam_released"] == found.attrs["lam"]
    assert "bisection on [0, 0.2] to 0.001" in found.attrs["lam_search"]
    assert kinds(ternary(firing, **options, lam=paper.attrs["lam"])) == kinds(paper)


def test_no_lambda_in_the_range():
    # every neuron is selected and one fires everywhere, at any lambda
    with pytest.raises(
        BadArgument, match=r"no lambda in \[0, 0.2\].*tried 21 values, fewest 1 at 0; give lam a number"
    ):
        ternary(by_hand(), top_rate=1, bar=0.5)


def test_planted_neurons_are_found_exactly():
    firing, kind, member = planted()
    for lam in (0.0, "auto"):
        found = ternary(firing, top_rate=15 / 400, bar=1 - 105 / 4000, lam=lam)
        np.testing.assert_array_equal(found.kind, kind)
        np.testing.assert_array_equal(found.member, member)
    assert found.attrs["lam_released"] == 0.2  # even the largest selects no general neuron


@settings(max_examples=50, deadline=None)
@given(tables(prefix=True), shares, bars, weights)
def test_the_order_of_languages_changes_nothing(table, top_rate, bar, lam):
    firing, _ = table
    assume(selectable(firing, top_rate))
    back = {"language": slice(None, None, -1)}
    found = quiet(firing, top_rate=top_rate, bar=bar, lam=lam)
    other = quiet(firing.isel(back), top_rate=top_rate, bar=bar, lam=lam)
    xr.testing.assert_identical(other.isel(back).drop_attrs(), found.drop_attrs())


def test_the_order_of_neurons_and_axes_changes_nothing():
    firing = random(2, 5, 3, 200)
    found = ternary(firing, top_rate=0.05)
    order = np.random.default_rng(0).permutation(200)
    moved = ternary(firing.isel(neuron=order).transpose("neuron", "language", "layer"), top_rate=0.05)
    for name in ("kind", "member", "score", "selected"):
        np.testing.assert_array_equal(moved[name], found[name].isel(neuron=order))


def test_prefix_counts_are_subtracted():
    plain = by_hand()
    before = np.array([[[2, 1, 0, 3]], [[0, 0, 2, 2]]])
    firing = counts(plain.fired + before, plain.tokens + 5, before, [5, 5], languages=["de", "ja"])
    same = ternary(plain, top_rate=0.5, bar=0.5, lam=0.1)
    xr.testing.assert_equal(ternary(firing, top_rate=0.5, bar=0.5, lam=0.1), same)


def test_origin_and_files(tmp_path):
    firing = by_hand().assign_coords(layer=[7], neuron=[2, 3, 5, 8])
    firing.attrs["provenance"] = '{"method": "neurons.firing", "model": {"name": "m"}, "corpus": {"hash": "h"}}'
    found = ternary(firing, top_rate=0.5, bar=0.5, lam=np.float32(0.5))
    record = provenance(found)
    assert record["method"] == "neurons.ternary"
    assert record["parameters"]["lam"] == 0.5
    assert record["parameters"]["firing"]["corpus"] == {"hash": "h"}
    assert record["model"] == {"name": "m"}
    assert found.neuron.values.tolist() == [2, 3, 5, 8]
    xr.testing.assert_identical(load_result(save_result(found, tmp_path / "ternary.nc")), found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_rate": 2}, "top_rate=2; give a finite number above 0 and at most 1"),
        ({"bar": 0}, "bar=0; give a finite number above 0 and below 1"),
        ({"lam": -0.1}, "lam=-0.1; give a finite number from 0"),
        ({"lam": float("nan")}, "lam=nan; give a finite number or 'auto'"),
        ({"lam": float("inf")}, "lam=inf; give a finite number or 'auto'"),
        ({"lam": "best"}, "lam='best'; give a finite number or 'auto'"),
        ({"lam": True}, "lam=True; give a finite number"),
        ({"variant": "code"}, "variant='code'; give 'paper' or 'released'"),
        ({"top_rate": 0.1}, "rounds to none"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(BadArgument, match=message):
        ternary(by_hand(), **{"top_rate": 0.5, **options})


def test_one_language_is_too_few():
    with pytest.raises(TooFewLanguages):
        ternary(by_hand().isel(language=[1]))
