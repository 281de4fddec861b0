"""Choose languages by their typological features: exactly, by going through every subset."""

import itertools
import math
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.cluster.vq import kmeans
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from workbench.arguments import checked, whole_number
from workbench.errors import BadArgument, TooLarge
from workbench.text.display.naming import shortened

Method = Literal["representative", "diverse", "kmeans"]
METHODS = get_args(Method)
MOST_SUBSETS = 2_000_000
_PART = 20_000  # subsets that are in memory at a time


@checked
def choose(features: pd.DataFrame, k: int, *, by: Method = "representative", seed: int = 0) -> list[str]:
    r"""Choose k languages by their features.

    Distances are Euclidean, over features as they are given. Languages with equal features are duplicates: only the
    first of them can be chosen, but each of them counts as a language to be represented.

    Args:
        features: a frame [language, feature] of finite numbers, as `features` makes.
        k: number of languages to choose.
        by: "representative": the sum of the distances from every language to the nearest chosen one is least;
            "diverse": the least distance between two chosen ones is greatest, and of equal ones the sum of distances;
            both by going through all subsets, and of equal subsets the first in the order of the frame. "kmeans": as
            published, the languages nearest to the centroids of k clusters, each centroid with a language of its own.
        seed: of the first centroids of "kmeans"; the others draw nothing.

    Returns:
        The chosen languages, in the order of the frame.

    Raises:
        BadArgument: `features` is no such frame, or it has fewer than k languages that differ.
        TooLarge: more than two million subsets.

    Source:
        "kmeans" after arXiv 2410.07809; it and "representative" look for languages that stand for the others, not for
        diversity. "diverse" is ours.

    Example:
        >>> import pandas as pd
        >>> import workbench as wb
        >>> frame = pd.DataFrame({"x": [0.0, 1.0, 9.0, 10.0, 11.0]}, index=["de", "en", "fi", "ja", "tr"])
        >>> wb.laboratories.choose(frame, 2), wb.laboratories.choose(frame, 2, by="diverse")
        (['de', 'ja'], ['de', 'tr'])
    """
    points, names = checked_features(features)
    different = _first_of_each(points)
    k = whole_number("k", k, at_least=1)
    if k > len(different):
        raise BadArgument(
            f"k={k}; the {len(names)} languages have {len(different)} different rows of features, and of equal rows "
            f"only the first is chosen; give a whole number from 1 to {len(different)}"
        )
    if by == "kmeans":
        numbers = _nearest_to_centroids(points, different, k, seed)
    else:
        numbers = _best(cdist(points, points), different, k, _coverage if by == "representative" else _spread)
    return [names[number] for number in sorted(numbers)]


def checked_features(features: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Values [language, feature] of a frame and its languages.

    Raises:
        BadArgument: empty, not finite numbers, or a language twice.
    """
    names = [str(name) for name in features.index]
    if not features.size:
        raise BadArgument("features is empty; give a frame with a row a language and a column a feature")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BadArgument(f"features has {shortened(repeated)} more than once; give each language a row")
    try:
        points = features.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise BadArgument(f"features has values that are no numbers ({error}); categories need indicators") from None
    if not np.isfinite(points).all():
        row, column = map(int, np.argwhere(~np.isfinite(points))[0])
        raise BadArgument(
            f"features has {points[row, column]} at {names[row]}, {features.columns[column]}; give finite numbers"
        )
    return points, names


def _first_of_each(points: np.ndarray) -> list[int]:
    """Row numbers without those that repeat an earlier row."""
    _, first = np.unique(points, axis=0, return_index=True)
    return sorted(int(number) for number in first)


def _subsets(numbers: list[int], k: int) -> Iterator[np.ndarray]:
    """All subsets in order, in parts [subset, k]."""
    count = math.comb(len(numbers), k)
    if count > MOST_SUBSETS:
        largest = max((size for size in range(1, k) if math.comb(len(numbers), size) <= MOST_SUBSETS), default=1)
        raise TooLarge(
            f"{k} of {len(numbers)} languages are {count:,} subsets, more than {MOST_SUBSETS:,}; "
            f"choose up to {largest}, give fewer languages, or by='kmeans'"
        )
    every = itertools.combinations(numbers, k)
    while part := list(itertools.islice(every, _PART)):
        yield np.array(part)


def _coverage(distances: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """Minus the sum of the distances of all languages to the nearest chosen one: [subset, 1]."""
    nearest = distances[:, subsets[:, 0]]
    for column in subsets.T[1:]:
        nearest = np.minimum(nearest, distances[:, column])
    return -nearest.sum(0)[:, None]


def _spread(distances: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """Least distance within each subset, and the sum of its distances: [subset, 2]."""
    least, total = np.full(len(subsets), np.inf), np.zeros(len(subsets))
    for first, second in itertools.combinations(subsets.T, 2):
        between = distances[first, second]
        least, total = np.minimum(least, between), total + between
    return np.stack([least, total], axis=1)


def _best(distances: np.ndarray, numbers: list[int], k: int, score) -> list[int]:
    """The subset with the highest scores, compared one after the other; rounding makes no difference."""
    best, best_scores = [], None
    for part in _subsets(numbers, k):
        scores = score(distances, part)
        candidates = np.arange(len(part))
        for column in scores.T:
            candidates = candidates[_equal(column[candidates], column[candidates].max())]
        first = candidates[0]
        if best_scores is None or _better(scores[first], best_scores):
            best, best_scores = part[first].tolist(), scores[first]
    return best


def _equal(values: np.ndarray, value: float) -> np.ndarray:
    return np.isclose(values, value, rtol=1e-9, atol=0) | (values == value)


def _better(scores: np.ndarray, others: np.ndarray) -> bool:
    for score, other in zip(scores, others, strict=True):
        if not _equal(score, other):
            return bool(score > other)
    return False


def _nearest_to_centroids(points: np.ndarray, different: list[int], k: int, seed: int) -> list[int]:
    """Languages assigned to the centroids of k clusters, no two of them equal, at least distance in all."""
    rng = np.random.default_rng(seed)
    centroids, _ = kmeans(points, k, iter=20, rng=rng)
    while len(centroids) < k:  # an empty cluster loses its centroid: the language farthest from all gets one
        farthest = cdist(points, centroids).min(1).argmax()
        centroids = np.concatenate([centroids, points[farthest : farthest + 1]])
    _, columns = linear_sum_assignment(cdist(centroids, points[different]))
    return [different[column] for column in columns]
