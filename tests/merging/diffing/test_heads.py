"""Importance of heads in two models."""

import numpy as np
from scipy.stats import spearmanr

from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from workbench.heads import importance
from workbench.merging import side_by_side
from workbench.merging.diffing.heads import spearman


def heads(before, after):
    return side_by_side(before, after, CORPUS, parts=["heads"], **QUICK)["heads"]


def test_the_change_is_that_of_the_importance():
    before, after = made(), moved(["layers.1.self_attn.o_proj"])
    result = heads(before, after)
    old, new = (importance(model, CORPUS, **QUICK).importance for model in (before, after))
    assert np.allclose(result.change, new - old, atol=1e-9)
    for language in CORPUS.languages:
        both = [values.sel(language=language).values.ravel() for values in (old, new)]
        assert np.isclose(result.rank_correlation.sel(language=language), spearmanr(*both).statistic)
    inside = (result.rank_correlation_low <= 1) & (result.rank_correlation_low <= result.rank_correlation_high)
    assert inside.all()


def test_the_interval_is_that_of_paired_texts():
    result = heads(made(), made())
    for name in ("change", "low", "high"):
        assert (result[name] == 0).all()
    assert (result.p_value == 1).all()
    assert np.allclose(result.rank_correlation, 1)
    assert np.allclose(result.rank_correlation_low, 1)


def test_ranks_with_ties_are_scipys():
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 5, (3, 20)), generator.integers(0, 5, (3, 20))
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert np.allclose(spearman(first, second), expected)
    assert np.isnan(spearman(np.ones((1, 4)), second[:1, :4])).all()
