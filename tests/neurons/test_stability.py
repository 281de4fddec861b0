"""Stability: by hand, on planted neurons, and its repetition."""

import numpy as np
import pytest
import xarray as xr

from tests.neurons.effects.test_knockout import CORPUS
from tests.neurons.tables import planted
from workbench.errors import BadArgument
from workbench.neurons import firing, merge, pieces, stability
from workbench.neurons.classes.ternary import KINDS, ternary

OPTIONS = {"top_rate": 15 / 400, "bar": 1 - 105 / 4000, "resamples": 10, "progress": False}


def parts(count=4):
    """Planted counts, drawn again with the same rates: what pieces of a corpus would give."""
    whole, found = planted()[0], []
    for seed in range(count):
        rate = (whole.fired / whole.tokens).values
        tokens = np.full(10, 5000)
        fired = np.random.default_rng(seed).binomial(tokens[:, None, None], rate)
        found.append(
            xr.Dataset(
                {"fired": (("language", "layer", "neuron"), fired), "tokens": ("language", tokens)},
                {"language": whole.language},
            )
        )
    return found


def test_planted_labels_survive_every_draw():
    found = stability(parts(), **OPTIONS, others={"another corpus": parts(6)[5]})
    bootstrap = found.isel(condition=0)
    for name in ("specific", "related", "general"):
        assert float(bootstrap.kept.sel({"class": name})) == float(bootstrap.low.sel({"class": name})) == 1
        assert float(found.kept.sel({"condition": "another corpus", "class": name})) == 1
    assert np.isnan(float(bootstrap.kept.sel({"class": "unassigned"})))
    np.testing.assert_array_equal(
        found.often.where(ternary_of().member).max("language") >= 0, ternary_of().member.any("language")
    )
    half = found.sel(condition="half as many selected").kept
    assert float(half.sel({"class": "specific"})) <= 1
    assert float(half.sel({"class": "related"})) < 1  # of fifteen, seven or eight are still selected


def ternary_of():
    return ternary(merge(parts()), top_rate=OPTIONS["top_rate"], bar=OPTIONS["bar"])


def test_every_number_is_that_of_the_plain_loop():
    given = [part.isel(neuron=slice(0, 60)) for part in parts(3)]
    for number, part in enumerate(given):  # make labels shake
        part.fired.values[:] = np.random.default_rng(number).binomial(50, 0.1 + 0.3 * (part.fired.values > 1000))
        part.tokens.values[:] = 50
    options = {"top_rate": 0.1, "bar": 0.9}
    found = stability(given, resamples=7, seed=3, progress=False, **options)
    first = ternary(merge(given), **options)
    generator, same, shares = np.random.default_rng(3), np.zeros((4, 60)), []
    for _ in range(7):
        again = ternary(merge([given[i] for i in generator.integers(0, 3, 3)]), **options)
        kept = np.zeros((4, 60), dtype=bool)
        for layer in range(4):
            for neuron in range(60):
                cells = [one.isel(layer=layer, neuron=neuron) for one in (first, again)]
                kept[layer, neuron] = str(cells[0].kind.values) == str(cells[1].kind.values) and (
                    cells[0].member.values.tolist() == cells[1].member.values.tolist()
                )
        same += kept
        shares.append(
            [kept[first.kind.values == name].mean() if (first.kind == name).any() else np.nan for name in KINDS]
        )
    np.testing.assert_allclose(found.same, same / 7)
    np.testing.assert_allclose(found.kept.isel(condition=0), np.mean(shares, 0))
    np.testing.assert_allclose(found.low.isel(condition=0), np.quantile(shares, 0.025, axis=0))
    assert 0 < float(found.same.mean()) < 1


def test_pieces_add_up_to_the_corpus(wrapped):
    model = wrapped("llama")
    found = pieces(model, CORPUS, 3, progress=False)
    whole = firing(model, CORPUS, progress=False)
    np.testing.assert_array_equal(merge(found).fired, whole.fired)
    with pytest.raises(BadArgument, match="count=4; give a whole number from 2 to 3: the smallest language has 3 rows"):
        pieces(model, CORPUS, 4)


def test_too_little_to_draw_from_is_refused():
    with pytest.raises(BadArgument, match="two or more"):
        stability(parts(1), **OPTIONS)
    with pytest.raises(BadArgument, match="resamples=0"):
        stability(parts(), **{**OPTIONS, "resamples": 0})
