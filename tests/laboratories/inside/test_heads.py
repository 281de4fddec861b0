"""Importance of heads in several conditions: against the comparison of two models and numbers by hand."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import planted
from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from workbench.laboratories.inside.heads import heads
from workbench.merging.diffing.heads import change_of_heads


def test_rank_correlations_are_those_of_the_comparison_of_two():
    models = [made(), moved(["layers.1"], size=0.2)]
    scores = [wb.heads.importance(model, CORPUS, per_sample=True, **QUICK) for model in models]
    two = change_of_heads(*scores, clusters=CORPUS.row_clusters)
    looked = [
        planted(slopes=score.sample_gradient.transpose("language", "sample", "layer", "head")) for score in scores
    ]
    several = heads(looked, level=0.95, seed=0)
    np.testing.assert_allclose(several["rank"][1][1], two.rank_correlation, atol=1e-6)
    width = (two.rank_correlation_high - two.rank_correlation_low).values
    np.testing.assert_allclose((several["rank_high"][1] - several["rank_low"][1])[1], width, atol=1e-6)


def test_by_hand():
    """Layer 0 has importance 3 and 1, then 1 and 3: all of it moves, and the order of two heads is reversed."""
    before = planted(slopes=np.tile([[[-3.0, -1.0]]], (2, 4, 1, 1)))
    after = planted(slopes=np.tile([[[-1.0, -3.0]]], (2, 4, 1, 1)))
    several = heads([before, after, before], level=0.95, seed=0)
    np.testing.assert_allclose(several["rank"][1], [[1, 1], [-1, -1], [1, 1]])
    np.testing.assert_allclose(several["mean_rank_excess"][1], [-2])
    np.testing.assert_allclose(several["heads_moved"][1], [[0], [1], [0]])
    np.testing.assert_allclose(several["heads_moved_excess"][1], [[1]])
    np.testing.assert_allclose(several["heads_moved_excess_low"][1], [[1]])


def test_heads_that_hurt_have_no_importance():
    worse = planted(slopes=np.full((2, 3, 1, 2), 1.0))
    several = heads([worse, worse], level=0.95, seed=0)
    assert np.isnan(several["rank"][1]).all()
    assert np.isnan(several["heads_moved"][1]).all()
    assert "rank_excess" not in several


def test_a_repeated_text_is_no_further_evidence():
    slopes = np.random.default_rng(0).normal(size=(2, 6, 2, 3))
    other = slopes + np.random.default_rng(1).normal(size=slopes.shape)
    repeats = [[0, 1, 2, 3, 4, 5] * 4] * 2
    once = heads([planted(slopes=slopes), planted(slopes=other)], level=0.95, seed=0)
    fourfold = [planted(slopes=np.tile(each, (1, 4, 1, 1)), clusters=repeats) for each in (slopes, other)]
    again = heads(fourfold, level=0.95, seed=0)
    for name, (_, values, _) in once.items():
        np.testing.assert_allclose(again[name][1], values, atol=1e-9)


def test_other_texts_are_refused():
    with pytest.raises(wb.errors.BadResult, match="shapes"):
        heads([planted(slopes=np.ones((2, 3, 1, 2))), planted(slopes=np.ones((2, 4, 1, 2)))], level=0.95, seed=0)
