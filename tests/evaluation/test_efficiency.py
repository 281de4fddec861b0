"""Efficiency and accuracy: hand numbers, Simpson's paradox planted and absent."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadArgument, BadResult
from workbench.results.make import make_result


def made(x: list[list[float]]) -> xr.Dataset:
    """A tokenization with these tokens per word, [tokenizer, language]."""
    names, languages = [f"t{i}" for i in range(len(x))], ["de", "fi"][: len(x[0])]
    return make_result(
        {"tokens_per_word": (("tokenizer", "language"), np.array(x), "tokens per word")},
        {"tokenizer": names, "language": languages},
        method="evaluation.tokenization",
        parameters={},
    )


def scores(like: xr.Dataset, y: list[list[float]]) -> xr.DataArray:
    return xr.DataArray(np.array(y), like.tokens_per_word.coords)


PARADOX = ([[1, 5], [2, 6], [3, 7]], [[0.80, 0.40], [0.82, 0.42], [0.84, 0.44]])


def test_simpson_by_hand():
    tokens = made(PARADOX[0])
    result = wb.evaluation.efficiency(tokens, scores(tokens, PARADOX[1]))
    assert result.pearson.sel(scope="pooled").item() == pytest.approx(-0.8920, abs=5e-5)
    assert result.pearson.sel(scope=["centred", "de", "fi"]).values == pytest.approx([1, 1, 1])
    assert result.distinct.values.tolist() == [6, 6, 3, 3]
    assert result.attrs["flag"] == "simpson"
    assert np.isnan(result.pearson_low.sel(scope=["de", "fi"])).all(), "three values are too few for an interval"
    assert result.covariance.item() == pytest.approx((result.covariance_within + result.covariance_between).item())
    assert result.x.attrs["long_name"] == "tokens per word", "in words, for the axis of a figure"


def test_a_tokenizer_twice_is_no_new_value():
    tokens = made([*PARADOX[0], PARADOX[0][2]])
    result = wb.evaluation.efficiency(tokens, scores(tokens, [*PARADOX[1], PARADOX[1][2]]))
    assert result.distinct.values.tolist() == [6, 6, 3, 3]


def test_confounded_and_none():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(12, 2)) + np.array([1, 7])
    noise = generator.normal(size=(12, 2)) * 0.02
    tokens = made(x.tolist())
    confounded = wb.evaluation.efficiency(tokens, scores(tokens, (noise + np.array([0.8, 0.4])).tolist()))
    assert confounded.attrs["flag"] == "confounded"
    same = wb.evaluation.efficiency(tokens, scores(tokens, (0.9 - 0.05 * x).tolist()))
    assert same.attrs["flag"] == "none"
    assert same.pearson.values == pytest.approx(-1)
    assert same.spearman.values == pytest.approx(-1)


def test_few_values_have_no_interval_and_no_flag():
    tokens = made([[1.0], [2.0], [3.0]])
    result = wb.evaluation.efficiency(tokens, scores(tokens, [[0.1], [0.5], [0.2]]))
    assert result.attrs["flag"] == "undecided"
    assert np.isnan(result.pearson_low).all()


def test_two_tokenizers_have_no_interval():
    tokens = made([[1, 5], [2, 8]])
    tokens = xr.concat(
        [tokens, tokens.assign_coords(language=["es", "it"]) + 0.5], "language", combine_attrs="override"
    )
    result = wb.evaluation.efficiency(tokens, scores(tokens, [[0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.5, 0.6]]))
    assert result.distinct.sel(scope="pooled") >= 5 and result.attrs["flag"] == "undecided"


def test_points_that_lack_a_number_are_counted():
    tokens = made([[1, 2], [3, 4], [5, 6]])
    with pytest.warns(UserWarning, match="leaves out 1 of 6 points"):
        wb.evaluation.efficiency(tokens, scores(tokens, [[0.1, np.nan], [0.3, 0.4], [0.2, 0.5]]))


def test_interval_resamples_tokenizers():
    x, y = np.arange(6.0)[:, None], np.array([0.1, 0.3, 0.2, 0.6, 0.5, 0.9])[:, None]
    tokens = made(x.tolist())
    result = wb.evaluation.efficiency(tokens, scores(tokens, y.tolist()), seed=2)
    drawn = np.random.default_rng(2).integers(0, 6, (1000, 6))
    expected = [np.corrcoef(x[draw, 0], y[draw, 0])[0, 1] for draw in drawn if len(set(draw)) > 1]
    assert result.pearson_low.sel(scope="pooled").item() == pytest.approx(np.quantile(expected, 0.025))


def test_strata_of_two_axes_and_results_of_accuracy():
    tokens = made([[1, 2], [3, 4]])
    both = xr.concat(
        [scores(tokens, [[0.1, 0.2], [0.3, 0.4]])] * 2, xr.DataArray(["xcopa", "mgsm"], dims="dataset", name="dataset")
    )
    result = wb.evaluation.efficiency(tokens, both, within=("language", "dataset"))
    assert list(result.scope.values) == ["pooled", "centred", "de, xcopa", "de, mgsm", "fi, xcopa", "fi, mgsm"]
    single = {
        name: xr.Dataset({"accuracy": ("language", [0.1, 0.2])}, {"language": ["de", "fi"]}) for name in ("t0", "t1")
    }
    assert wb.evaluation.efficiency(tokens, single).sizes["point"] == 4


def test_wrong_arguments():
    tokens = made([[1, 2], [3, 4]])
    y = scores(tokens, [[0.1, 0.2], [0.3, 0.4]])
    with pytest.raises(BadResult, match="measure='size'"):
        wb.evaluation.efficiency(tokens, y, measure="size")
    with pytest.raises(BadArgument, match="no axis 'dataset'"):
        wb.evaluation.efficiency(tokens, y, within=("dataset",))
    with pytest.raises(BadResult, match="1 tokenizers"):
        wb.evaluation.efficiency(tokens, y.isel(tokenizer=[0]))
    with pytest.raises(BadResult, match="give Results"):
        wb.evaluation.efficiency(tokens, {"t0": tokens})
