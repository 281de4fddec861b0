"""Proportions: intervals, and exact tests of counts of right answers."""

from typing import Any

import numpy as np
from scipy import stats

from workbench.arguments import finite, whole_number
from workbench.errors import BadArgument

_DRAWS = 10_000


def wilson(right: Any, of: Any, *, level: float = 0.95) -> tuple[Any, Any]:
    """Wilson's score interval of proportions (Wilson 1927), low and high of each; NaN of nothing.

    Args:
        right: successes, a number or an array.
        of: trials, likewise.
        level: confidence level.
    """
    finite("level", level, above=0, below=1)
    low, high = np.vectorize(_wilson, otypes=[float, float])(right, of, level)
    return low[()], high[()]


def _wilson(right: int, of: int, level: float) -> tuple[float, float]:
    if not 0 <= right <= of:
        raise BadArgument(f"right={right} of {of}; give a number from 0 to {of}")
    if of == 0:
        return float("nan"), float("nan")
    interval = stats.binomtest(int(right), int(of)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def above_chance(right: int, chances: np.ndarray, *, seed: int = 0) -> float:
    """One-sided p-value of as many right answers, or more, by guessing; NaN without items.

    Exact binomial where every item has the same chance; otherwise the share of 10,000 draws, of which the result itself
    is one.

    Args:
        right: items answered right.
        chances: each item's probability to be guessed right, [item].
        seed: of the draws.
    """
    whole_number("right", int(right), at_most=len(chances))
    if len(chances) == 0:
        return float("nan")
    if np.ptp(chances) < 1e-12:
        return float(stats.binomtest(int(right), len(chances), float(chances[0]), alternative="greater").pvalue)
    drawn = (np.random.default_rng(seed).random((_DRAWS, len(chances))) < chances).sum(1)
    return float((1 + (drawn >= right).sum()) / (1 + _DRAWS))


def mcnemar(gained: Any, lost: Any) -> Any:
    """Exact two-sided McNemar test of paired answers (McNemar 1947), p-value of each: 1 where nothing changed.

    Args:
        gained: items that are right in the second condition only, a number or an array.
        lost: items that are right in the first condition only, likewise.
    """

    def exact(up: int, down: int) -> Any:
        return stats.binomtest(int(up), int(up + down), 0.5).pvalue if up + down else 1.0

    return np.vectorize(exact, otypes=[float])(gained, lost)[()]


def label_prior(picks: np.ndarray, golds: np.ndarray) -> float:
    """What a model's label prior alone earns: sum over labels of P(pick label) P(gold label).

    Args:
        picks: the picked option of each item, [item] int; below 0 where there is none.
        golds: whether each option counts as right, [item, option] bool.
    """
    if not len(picks):
        return float("nan")
    share = (picks[:, None] == np.arange(golds.shape[1])).mean(0)
    return float(share @ golds.mean(0))
