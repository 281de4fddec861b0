"""Random choices of languages, and the place of a choice among them."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

from workbench.errors import BadArgument


def random_subsets(languages: Sequence[str], k: int, count: int, *, seed: int = 0) -> list[list[str]]:
    """Different subsets of k languages, drawn at random, each with its languages in their order.

    Raises:
        BadArgument: there are fewer subsets than requested.
    """
    every = math.comb(len(languages), k)
    if count > every:
        raise BadArgument(
            f"draws={count}; {k} of {len(languages)} languages have {every} subsets; give {every} or fewer"
        )
    rng = np.random.default_rng(seed)
    if every <= 4 * count:
        subsets = list(itertools.combinations(range(len(languages)), k))
        drawn = [subsets[int(number)] for number in rng.permutation(every)[:count]]
    else:
        seen: dict[tuple[int, ...], None] = {}
        while len(seen) < count:
            seen[tuple(sorted(map(int, rng.permutation(len(languages))[:k])))] = None
        drawn = list(seen)
    return [[languages[number] for number in subset] for subset in drawn]


def percentile(
    values: np.ndarray, null: np.ndarray, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The share of random choices that a choice is better than, ties counting half, and its Monte Carlo interval.

    Each seed of the choice is compared by itself, since each random choice was trained once: the mean of several seeds
    would vary less than what it is compared with. The interval (Clopper-Pearson) is that of a share among as many
    random choices; those are drawn without repetition, which makes it a little too wide.

    Args:
        values: of a choice, higher is better, [seed].
        null: of the random choices, [draw]; NaN ones do not count.
        level: confidence level.

    Returns:
        share, low, high; NaN where there is nothing to compare.
    """
    null, values = null[~np.isnan(null)], values[~np.isnan(values)]
    count = len(null)
    if not count or not len(values):
        return np.array(np.nan), np.array(np.nan), np.array(np.nan)
    share = ((null < values[:, None]) + 0.5 * (null == values[:, None])).mean()
    wins, tail = share * count, (1 - level) / 2
    low = beta.ppf(tail, wins, count - wins + 1) if wins > 0 else 0.0
    high = beta.ppf(1 - tail, wins + 1, count - wins) if wins < count else 1.0
    return np.array(share), np.array(low), np.array(high)
