"""Evidence: an estimate with its interval, and the verdict that follows from them."""

import math
from dataclasses import dataclass, replace

import numpy as np

from workbench.results.statistics import interval

LEAST = 6  # languages: with five, even a sign test of unanimous ones has p = 2 / 2**5 > 0.05
HOLDS, FAILS, UNDECIDED, UNMEASURED = "holds", "does not hold", "undecided", "not measured"
VERDICTS = (HOLDS, FAILS, UNDECIDED, UNMEASURED)


@dataclass(frozen=True)
class Draws:
    """How intervals are computed.

    Attributes:
        level: Confidence level.
        resamples: Bootstrap draws, and permutations.
        seed: Of the draws.
    """

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Evidence:
    """What the results of a model say of a claim.

    Attributes:
        estimate: NaN where it is not measured.
        low: Lower end of its interval; NaN where there is none.
        high: Upper end; infinite where it has none.
        p_value: Of a permutation test, where there is one.
        text: The numbers in words.
        reason: Why it is not measured; "" where it is.
    """

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    text: str = ""
    reason: str = ""

    def verdict(self, bar: float, level: float) -> str:
        """`holds` if the whole interval is above the bar, `does not hold` if below, else `undecided`.

        Where there is a p-value, it has to be at most 1 - level too. An interval without an upper end decides nothing.
        """
        if self.reason:
            return UNMEASURED
        unsure = not math.isfinite(self.low) or not math.isfinite(self.high)
        if unsure or (not math.isnan(self.p_value) and self.p_value > 1 - level + 1e-12):
            return UNDECIDED
        return HOLDS if self.low > bar else FAILS if self.high < bar else UNDECIDED

    def worded(self, text: str) -> "Evidence":
        """The same evidence with its numbers in words."""
        return replace(self, text=text)


def unmeasured(reason: str) -> Evidence:
    """Evidence of nothing."""
    return Evidence(reason=reason)


def over_languages(values: np.ndarray, draws: Draws) -> Evidence:
    """The mean over languages, [language], with its bootstrap interval; none with fewer than six languages."""
    if len(values) < LEAST:
        return Evidence(float(values.mean()))
    low, high = interval(values, level=draws.level, resamples=draws.resamples, seed=draws.seed)
    return Evidence(float(values.mean()), float(low), float(high))


def between(low: float, high: float, form: str) -> str:
    """An interval in words: "0.10 to 0.30"."""
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return f"{format(low, form)} to {'never' if math.isinf(high) else format(high, form)}"
