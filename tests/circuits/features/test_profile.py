"""Entropies by hand, and their intervals."""

import math

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.errors import TooFewLanguages
from workbench.text.corpus import Corpus


def counts(rates, tokens=(100, 1000)):
    """Counts of one layer, features with these rates in two languages; the second was read ten times as much."""
    fired = np.array(rates).T[:, None, :] * np.array(tokens)[:, None, None]
    return xr.Dataset(
        {"fired": (("language", "layer", "feature"), fired.round().astype(int)), "tokens": ("language", list(tokens))},
        {"language": ["de", "en"], "layer": [4]},
    )


def test_entropy_by_hand():
    result = wb.circuits.profile(counts([(1, 0), (0.5, 0.5), (0.9, 0.3), (0, 0)]))
    own = result.entropy.values[0]
    np.testing.assert_allclose(own[:3], [0, 1, 0.8112781], atol=1e-6)
    assert math.isnan(own[3])
    assert int(result.dead[0]) == 1
    assert float(result.mean_entropy[0]) == pytest.approx((0 + 1 + 0.8112781) / 3)
    assert float(result.weighted_entropy[0]) == pytest.approx((0 * 1 + 1 * 1 + 0.8112781 * 1.2) / 3.2)
    assert float(result.share_below[0]) == pytest.approx(1 / 3)
    assert result["layer"].values.tolist() == [4]
    assert np.isnan(result.mean_entropy_low).all()


def test_a_feature_that_is_blind_to_language_has_entropy_1_however_much_was_read():
    blind = wb.circuits.profile(counts([(0.2, 0.2)], tokens=(100, 900)))
    assert float(blind.entropy[0, 0]) == pytest.approx(1)
    shares = np.array([0.1, 0.9])  # what the released code takes
    assert -(shares * np.log(shares)).sum() / math.log(2) == pytest.approx(0.469, abs=1e-3)


def test_a_layer_in_which_nothing_fires_is_nan():
    result = wb.circuits.profile(counts([(0, 0)]))
    assert np.isnan(result.mean_entropy).all()
    assert np.isnan(result.weighted_entropy).all()


def test_intervals_come_from_the_draws():
    model = model_of()
    corpus = Corpus(
        {"de": tuple(f"Haus {i}" for i in range(12)), "en": tuple(f"the house {i}" for i in range(12))},
        aligned=True,
        source="test",
    )
    made = random_transcoder(model.n_layers, model.d_model)
    drawn = wb.circuits.firing(made, model, corpus, draws=40, progress=False)
    result = wb.circuits.profile(drawn, level=0.9)
    expected = []
    for draw in range(40):
        one = drawn[["fired", "tokens"]].copy()
        one["fired"] = drawn.drawn_fired[draw].astype(int)
        one["tokens"] = drawn.drawn_tokens[draw].astype(int)
        expected.append(wb.circuits.profile(one).mean_entropy.values)
    bias = np.mean(expected, axis=0) - result.mean_entropy.values
    np.testing.assert_allclose(result.mean_entropy_low, np.quantile(expected, 0.05, axis=0) - bias)
    np.testing.assert_allclose(result.mean_entropy_high, np.minimum(np.quantile(expected, 0.95, axis=0) - bias, 1))
    assert (result.mean_entropy_low < result.mean_entropy).all()
    assert (result.mean_entropy < result.mean_entropy_high).all()


@pytest.mark.parametrize("texts", [("das Haus",), ("das Haus", "das Haus")])
def test_one_text_has_no_interval(texts):
    model = model_of()
    corpus = Corpus({"de": texts, "en": ("the house", "the dog")}, aligned=False, source="test")
    made = random_transcoder(model.n_layers, model.d_model)
    result = wb.circuits.profile(wb.circuits.firing(made, model, corpus, draws=20, progress=False))
    assert result.mean_entropy.notnull().all()
    assert result.mean_entropy_low.isnull().all() and result.mean_entropy_high.isnull().all()


def test_one_language_is_refused():
    with pytest.raises(TooFewLanguages):
        wb.circuits.profile(counts([(1, 0)]).isel(language=[0]))
