from itertools import combinations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, TooLarge

choose = wb.laboratories.choose


def frame(points, names="abcdefghijklmnopqrstuvwxyz"):
    return pd.DataFrame(points, index=list(names[: len(points)]))


def distance(first, second):
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5


def brute_force(points, k, by):
    """Plain loops: the first of the best subsets."""
    best, best_score = None, None
    for subset in combinations(range(len(points)), k):
        if by == "representative":
            score = (-sum(min(distance(points[i], points[j]) for j in subset) for i in range(len(points))),)
        else:
            between = [distance(points[i], points[j]) for i, j in combinations(subset, 2)]
            score = (min(between, default=0), sum(between))
        score = tuple(round(part, 9) for part in score)
        if best_score is None or score > best_score:
            best, best_score = subset, score
    return list(best)


@pytest.mark.parametrize("by", ["representative", "diverse"])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_enumeration_equals_brute_force(by, k, seed):
    points = np.random.default_rng(seed).integers(0, 4, (9, 6))  # small whole numbers: many ties
    points = np.unique(points, axis=0)
    chosen = choose(frame(points), k, by=by)
    assert chosen == [frame(points).index[number] for number in brute_force(points.tolist(), k, by)]


@pytest.mark.parametrize("by", ["representative", "diverse", "kmeans"])
def test_separable_clusters_give_a_language_each(by):
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [100, 0], [0, 100]])
    points = np.concatenate([centre + rng.normal(size=(4, 2)) for centre in centres])
    chosen = choose(frame(points), 3, by=by, seed=3)
    assert ["abcdefghijkl".index(name) // 4 for name in chosen] == [0, 1, 2]


def test_a_representative_is_no_extreme_and_a_diverse_one_is():
    line = frame([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    assert choose(line, 2) == ["b", "e"]
    assert choose(line, 2, by="kmeans") == ["b", "e"]
    assert choose(line, 2, by="diverse") == ["a", "f"]


@pytest.mark.parametrize("by", ["representative", "diverse", "kmeans"])
@pytest.mark.parametrize("seed", range(10))
def test_duplicates_are_never_both_chosen(by, seed):
    points = np.random.default_rng(seed).integers(0, 2, (12, 3))
    different = len(np.unique(points, axis=0))
    for k in range(1, different + 1):
        chosen = frame(points).loc[choose(frame(points), k, by=by, seed=seed)]
        assert len(chosen) == k
        assert not chosen.duplicated().any()
    with pytest.raises(BadArgument, match=rf"{different} different rows of features.*from 1 to {different}"):
        choose(frame(points), different + 1, by=by)


def test_a_duplicate_counts_as_a_language_to_represent():
    assert choose(frame([[0.0], [4.0], [5.0], [9.0]]), 1) == ["b"]
    assert choose(frame([[0.0], [4.0], [9.0], [9.0], [9.0]]), 1) == ["c"]


def test_all_languages_and_the_order_of_the_frame():
    points = np.eye(4)
    for by in ("representative", "diverse", "kmeans"):
        assert choose(frame(points, "dcba"), 4, by=by) == ["d", "c", "b", "a"]


def test_kmeans_is_a_function_of_its_seed():
    points = frame(np.random.default_rng(1).normal(size=(12, 8)))
    assert choose(points, 4, by="kmeans", seed=1) == choose(points, 4, by="kmeans", seed=1)
    assert len({tuple(choose(points, 4, by="kmeans", seed=seed)) for seed in range(20)}) > 1


def test_parts_of_the_enumeration_make_no_difference(monkeypatch):
    points = frame(np.random.default_rng(2).integers(0, 3, (10, 4)) + np.arange(10)[:, None] / 100)
    whole = [choose(points, 4, by=by) for by in ("representative", "diverse")]
    monkeypatch.setattr("workbench.laboratories.typology.choose._PART", 7)
    assert [choose(points, 4, by=by) for by in ("representative", "diverse")] == whole


def test_too_many_subsets_are_refused_with_what_would_work():
    points = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), index=range(60))
    with pytest.raises(TooLarge, match=r"10 of 60 .* subsets, more than 2,000,000; choose up to 4, .*by='kmeans'"):
        choose(points, 10)
    assert len(choose(points, 10, by="kmeans")) == 10


@pytest.mark.parametrize(
    ("features", "k", "message"),
    [
        (pd.DataFrame(), 1, "features is empty"),
        (frame([[1.0], [float("nan")]]), 1, "features has nan at b, 0"),
        (frame([["SVO"], ["SOV"]]), 1, "are no numbers"),
        (frame([[1.0], [2.0]], "aa"), 1, "features has a more than once"),
        (frame([[1.0], [2.0]]), 0, "k=0; give a whole number from 1"),
    ],
)
def test_bad_features(features, k, message):
    with pytest.raises(BadArgument, match=message):
        choose(features, k)
