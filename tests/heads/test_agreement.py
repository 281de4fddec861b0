"""Certainty of scores and roles, and agreement between methods, by hand and against scipy."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import workbench as wb
from tests.heads.cases import corpus, model, module, token_ids
from tests.oracles import heads as oracle
from workbench.errors import BadArgument, BadCorpus
from workbench.heads.agreement import correlations, overlaps
from workbench.heads.scores.streaming import spread_p

TEXTS = {"de": ("Der Hund", "Es regnet", "Nein", "Ja, du"), "ja": ("犬が眠る", "雨だ", "はい", "いや")}


def test_correlations_and_overlaps_are_those_of_scipy_and_of_sets():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 3, 2, 12))
    rank, common = correlations(scores), overlaps(scores, 4)
    for draw, a, b, k in np.ndindex(2, 3, 3, 2):
        x, y = scores[draw, a, k], scores[draw, b, k]
        assert rank[draw, a, b, k] == pytest.approx(stats.spearmanr(x, y)[0])
        assert common[draw, a, b, k] == len(set(np.argsort(x)[-4:]) & set(np.argsort(y)[-4:])) / 4


def test_agreement_compares_the_scores_of_the_loops():
    names = ("zero", "lahis", "michel", "gradient", "magnitude", "random")
    found = wb.heads.agreement(model("llama"), corpus(TEXTS), methods=names, top=0.25, progress=False)
    ids = token_ids(TEXTS)
    deltas, _ = oracle.ablation(module("llama"), ids, "zero")
    scores, slopes, _ = oracle.lahis_paper(module("llama"), ids)
    for language in TEXTS:
        zero, lahis = deltas[language].mean(0).ravel(), scores[language].ravel()
        cell = {"score": "zero", "other": "lahis", "language": language}
        assert float(found.correlation.sel(cell)) == pytest.approx(stats.spearmanr(zero, lahis)[0], abs=0.02)
        np.testing.assert_allclose(found.value.sel(score="gradient", language=language), -slopes[language], atol=1e-5)
    assert found.attrs["top"] == 3 and found.attrs["chance"] == 0.25
    for name in ("correlation", "overlap", "mean_correlation", "mean_overlap"):
        values = found[name].values
        np.testing.assert_allclose(values, np.swapaxes(values, 0, 1))
        assert (values[np.arange(6), np.arange(6)] > 0.999).all()
        assert (found[f"{name}_low"] <= found[f"{name}_high"]).all()
    fixed = found.sel(score="magnitude", other="random")
    assert (fixed.correlation_low == fixed.correlation_high).all()
    assert (
        found.sel(score="zero", other="lahis").correlation_low < found.sel(score="zero", other="lahis").correlation_high
    ).all()
    figure = wb.figures.agreement(found, reference="zero")
    assert len(figure.data) == 2 and len(figure.data[0].x) == 5
    with pytest.raises(BadArgument, match="has: zero, lahis"):
        wb.figures.agreement(found, reference="best")
    with pytest.raises(BadArgument, match="result of heads"):
        wb.figures.agreement(xr.Dataset())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": ["zero", "best"]}, "'best' does not exist"),
        ({"methods": ["zero"]}, "fewer than two"),
        ({"top": 1}, "top=1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(BadArgument, match=message):
        wb.heads.agreement(model("llama"), corpus(TEXTS), progress=False, **options)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_importance_has_intervals_and_p_values_that_do_not_see_batches(variant):
    found = wb.heads.importance(model("llama"), corpus(TEXTS), variant=variant, per_sample=True, progress=False)
    assert (found.low <= found.importance + 1e-9).mean() > 0.95 and (
        found.high >= found.importance - 1e-9
    ).mean() > 0.95
    samples = found.sample_gradient.values.astype(float)
    p = stats.ttest_1samp(samples, 0, axis=1)[1]
    np.testing.assert_allclose(found.p_value.values.ravel(), stats.false_discovery_control(p.ravel()), rtol=1e-3)
    again = wb.heads.importance(model("llama"), corpus(TEXTS), variant=variant, batch_size=1, progress=False)
    for name in ("low", "high", "p_value"):
        np.testing.assert_allclose(found[name], again[name], rtol=1e-3, atol=1e-4)


def test_the_streamed_interval_is_that_of_the_bootstrap():
    from workbench.heads.scores.streaming import weights
    from workbench.results.statistics import interval

    values = np.random.default_rng(0).exponential(size=300)
    drawn = np.stack([weights(0, "de", [i]) for i in range(300)])
    assert abs(drawn.mean() - 1) < 0.02 and abs(drawn.var() - 1) < 0.05
    means = (drawn * values[:, None]).sum(0) / drawn.sum(0)
    low, high = interval(values)
    width = float(high - low)
    np.testing.assert_allclose(np.quantile(means, (0.025, 0.975)), [low, high], atol=0.2 * width)


def test_the_streamed_t_test_is_that_of_scipy():
    x = np.random.default_rng(0).normal(0.2, 1, (2, 9, 3))
    found = spread_p(x.sum(1), (x**2).sum(1), np.array([9, 9]))
    np.testing.assert_allclose(found, stats.ttest_1samp(x, 0, axis=1)[1], rtol=1e-9)
    assert np.isnan(spread_p(x[:, 0], x[:, 0] ** 2, np.array([1, 1]))).all()
    assert spread_p(np.zeros((1, 1)), np.zeros((1, 1)), np.array([5])) == 1


def test_roles_say_how_sure_they_are():
    """Heads far apart are sure, two equal in mean and noisy are not; samples and intervals both tell."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.01, (2, 40, 1, 6))
    samples[:, :, 0, 0] += 5
    samples[:, :, 0, 1] += rng.normal(1, 1, (2, 40))
    samples[:, :, 0, 2] += rng.normal(1, 1, (2, 40))
    delta = samples.mean(1)
    data = {"delta": (("language", "layer", "head"), delta)}
    axes = ("language", "sample", "layer", "head")
    kept = wb.heads.roles(
        xr.Dataset({**data, "sample_delta": (axes, samples)}, {"language": ["de", "en"]}), quantile=0.6
    )
    assert kept.attrs["certainty_from"] == "texts"
    assert kept.certainty[0, 0] == 1 and kept.certainty[0, 3] == 1
    assert kept.certainty[0, 1] < 0.95 or kept.certainty[0, 2] < 0.95
    np.testing.assert_allclose(kept.member_share.sum("head"), 2)
    width = 1.96 * samples.std(1) / np.sqrt(40)
    bounds = {
        "low": (("language", "layer", "head"), delta - width),
        "high": (("language", "layer", "head"), delta + width),
    }
    guessed = wb.heads.roles(xr.Dataset({**data, **bounds}, {"language": ["de", "en"]}), quantile=0.6)
    assert guessed.attrs["certainty_from"] == "intervals"
    np.testing.assert_allclose(guessed.certainty, kept.certainty, atol=0.2)
    bare = wb.heads.roles(xr.Dataset(data, {"language": ["de", "en"]}), quantile=0.6)
    assert bare.attrs["certainty_from"] == "nothing" and np.isnan(bare.certainty).all()


def test_resampling_from_the_same_language_needs_two_texts():
    with pytest.raises(BadCorpus, match="'en' has one text"):
        wb.heads.ablate(
            model("llama"), corpus({"en": ("No",), "de": ("Ja", "Du")}), how="resample_same", progress=False
        )


def test_scaling_by_one_changes_nothing_and_bad_scales_are_refused():
    found = wb.heads.ablate(model("llama"), corpus(TEXTS), how="scale", scale=1.0, progress=False)
    assert float(abs(found.delta).max()) < 1e-6
    with pytest.raises(BadArgument, match="scale=nan"):
        wb.heads.ablate(model("llama"), corpus(TEXTS), how="scale", scale=float("nan"), progress=False)
