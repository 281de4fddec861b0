"""Curves over depth: against loops, planted, drawn, and what does not fit is refused."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.atlas.across import cases
from tests.oracles import across as oracle
from workbench.atlas.across import depth_curves
from workbench.errors import BadArgument, BadResult
from workbench.results.companions import companions

CURVE = (0.0, 0.1, 0.1, 0.2, 0.9, 0.9, 0.9)
FLAT = (0.0,) * 7
NAMES = {
    "neurons": "neurons/lape",
    "heads": "heads/ablation",
    "lens": "lens-de-fr/lens",
    "concept": "concepts-de-fr/last",
}


def results(layers=6):
    """Results of a model in which all is planted; the heads of three layers."""
    states = np.interp(np.linspace(0, 1, layers + 1), np.linspace(0, 1, 7), CURVE)
    curves = {"de": 1 - states, "en": 0 * states, "fr": states}
    heads = cases.ablation(None)
    heads["delta"] = heads.delta + 1
    return {
        "neurons/lape": cases.lape(layers, (0, layers - 1)),
        "heads/ablation": heads,
        "lens-de-fr/lens": cases.lens(curves),
        "concepts-de-fr/last": cases.concepts(states),
    }


BOTH = {"six": results(6), "nine": results(9)}


def loop(what, own):
    """The mean of each layer, in plain loops."""
    if what == "neurons":
        shares = []
        for language in own["neurons/lape"].member.values.tolist():
            counts = [sum(layer) for layer in language]
            if sum(counts):
                shares.append([len(counts) * count / sum(counts) for count in counts])
        return [oracle.mean(layer) for layer in zip(*shares, strict=True)]
    if what == "heads":
        delta = own["heads/ablation"].delta.values
        layers = [oracle.mean(delta[:, layer].ravel().tolist()) for layer in range(delta.shape[1])]
        return [value / oracle.mean(layers) for value in layers]
    if what == "lens":
        values = own["lens-de-fr/lens"].concept_probability.sel(language="fr").values
    else:
        values = own["concepts-de-fr/last"].pair_probability.values[:, :2].sum(1)
    return [oracle.mean(values[:, layer].tolist()) for layer in range(values.shape[1])]


@pytest.mark.parametrize("what", NAMES)
def test_against_a_loop(what):
    curves = depth_curves(BOTH, what, points=7, resamples=50)
    assert curves.value.dims == ("model", "depth")
    for name, own in BOTH.items():
        expected = [oracle.at_depth(loop(what, own), k / 6) for k in range(7)]
        assert curves.value.sel(model=name).values == pytest.approx(expected)
        assert set(companions(curves, "value")) == {"low", "high"}
    assert (curves.value_low <= curves.value + 1e-9).all()
    assert (curves.value <= curves.value_high + 1e-9).all()


def test_the_interval_is_the_bootstrap_of_the_layer():
    member = np.random.default_rng(0).random((8, 5, 20)) < 0.2
    result = cases.lape(5, (0,), neurons=20)
    result["member"] = (result.member.dims, member)
    curves = depth_curves({"a": {"neurons/lape": result}}, "neurons", points=5, resamples=200)
    counts = member.sum(2)
    low, high = wb.results.interval(5 * counts / counts.sum(1, keepdims=True), resamples=200)
    assert curves.value_low.values[0] == pytest.approx(low)
    assert curves.value_high.values[0] == pytest.approx(high)


def test_an_even_spread_is_1():
    for layers in (4, 18):
        even = {"a": {"neurons/lape": cases.lape(layers, tuple(range(layers)), neurons=layers)}}
        assert depth_curves(even, "neurons").value.values == pytest.approx(np.ones((1, 21)))
    heads = cases.ablation(None)
    heads["delta"] = heads.delta * 0 + 0.3
    assert depth_curves({"a": {"heads/ablation": heads}}, "heads").value.values == pytest.approx(np.ones((1, 21)))


def test_models_of_other_sizes_have_the_same_curve():
    curves = depth_curves({"six": results(6), "twelve": results(12)}, "concept", points=7)
    assert np.abs(np.diff(curves.value, axis=0)).max() < 0.02  # the noise of the planted probabilities


def test_the_shown_word_is_the_other_curve():
    curves = depth_curves(BOTH, "lens", points=7)
    assert (curves.value + curves.shown).values == pytest.approx(np.ones((2, 7)), abs=0.03)
    assert set(companions(curves, "shown")) == {"low", "high"}


def test_languages_without_neurons_and_heads_without_effect():
    empty = cases.lape(6, (0,))
    empty["member"] = empty.member & False
    assert depth_curves({"a": {"neurons/lape": empty}}, "neurons").value.isnull().all()
    harmless = cases.ablation(None)
    harmless["delta"] = harmless.delta * 0
    assert depth_curves({"a": {"heads/ablation": harmless}}, "heads").value.isnull().all()
    alone = cases.lape(6, (0, 5), languages=("de",))
    curves = depth_curves({"a": {"neurons/lape": alone}}, "neurons", points=2)
    assert curves.value.values.tolist() == [[3, 3]]
    assert curves.value_low.isnull().all()


@pytest.mark.parametrize("what", NAMES)
def test_drawn(what):
    figure = wb.figures.curves(depth_curves(BOTH, what), "value")
    lines = [trace for trace in figure.data if trace.name in BOTH]
    assert [trace.name for trace in lines] == list(BOTH)
    assert all(len(trace.x) == 21 for trace in lines)
    assert figure.layout.xaxis.title.text == "depth (0 the first layer, 1 the last)"


def test_saved_and_loaded(tmp_path):
    curves = depth_curves(BOTH, "neurons", points=5)
    wb.save_result(curves, tmp_path / "curves.nc")
    xr.testing.assert_equal(wb.load_result(tmp_path / "curves.nc"), curves)
    assert wb.results.provenance(curves)["parameters"]["what"] == "neurons"


@pytest.mark.parametrize(
    ("results", "what", "words"),
    [
        (BOTH, "layers", "neurons, heads, lens, concept"),
        ({}, "neurons", "no models"),
        (
            {**BOTH, "other": {"heads/ablation": BOTH["six"]["heads/ablation"]}},
            "neurons",
            "'other' has no neurons/lape",
        ),
        ({"other": {}}, "neurons", "'other' has no results"),
    ],
)
def test_wrong_arguments(results, what, words):
    with pytest.raises(BadArgument, match=words):
        depth_curves(results, what)


@pytest.mark.parametrize("wrong", [{"points": 1}, {"resamples": 0}, {"level": 2.0}, {"seed": -1}])
def test_wrong_options(wrong):
    with pytest.raises(BadArgument):
        depth_curves(BOTH, "neurons", **wrong)


@pytest.mark.parametrize("what", NAMES)
def test_results_of_another_kind(what):
    other = cases.firing(None).drop_vars("tokens")
    with pytest.raises(BadResult, match=f"{NAMES[what]} needs"):
        depth_curves({"a": {NAMES[what]: other}}, what)
