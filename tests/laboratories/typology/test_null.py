from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binomtest

from workbench.errors import BadArgument
from workbench.laboratories.typology.null import percentile, random_subsets


@pytest.mark.parametrize(("size", "k", "count"), [(12, 3, 20), (5, 2, 10), (6, 3, 1), (30, 4, 50)])
def test_random_subsets_are_different_and_in_order(size, k, count):
    languages = [f"l{number:02}" for number in range(size)]
    drawn = random_subsets(languages, k, count, seed=3)
    assert len(drawn) == len({tuple(subset) for subset in drawn}) == count
    assert {len(set(subset)) for subset in drawn} == {k}
    assert all(subset == sorted(subset) for subset in drawn)
    assert drawn == random_subsets(languages, k, count, seed=3)


def test_all_subsets_come_and_no_more():
    assert sorted(map(tuple, random_subsets("abcd", 2, 6))) == list(combinations("abcd", 2))
    with pytest.raises(BadArgument, match="draws=7; 2 of 4 languages have 6 subsets; give 6 or fewer"):
        random_subsets("abcd", 2, 7)


def test_every_subset_is_drawn_equally_often():
    counts = {}
    for seed in range(600):
        (drawn,) = random_subsets("abcd", 2, 1, seed=seed)
        counts[tuple(drawn)] = counts.get(tuple(drawn), 0) + 1
    assert len(counts) == 6
    assert all(60 < count < 140 for count in counts.values())  # 100 each, four standard deviations


def test_percentiles_by_hand():
    null = np.array([1.0, 2.0, 3.0, 4.0])
    share, low, high = percentile(np.array([3.5]), null)
    exact = binomtest(3, 4).proportion_ci(0.95, method="exact")
    assert (share, low, high) == pytest.approx((0.75, exact.low, exact.high))
    assert percentile(np.array([3.0]), null)[0] == pytest.approx(0.625)  # two below, one tie
    assert percentile(np.array([0.0, 9.0]), null)[0] == pytest.approx(0.5)  # each seed by itself
    assert percentile(np.array([9.0]), null)[0::2] == (1, 1)
    assert percentile(np.array([0.0]), null)[:2] == (0, 0)


def test_unfinished_draws_do_not_count():
    with_gaps = percentile(np.array([2.5, np.nan]), np.array([1.0, np.nan, 3.0]))
    assert with_gaps == percentile(np.array([2.5]), np.array([1.0, 3.0]))
    assert np.isnan(percentile(np.array([2.5]), np.array([np.nan]))).all()
