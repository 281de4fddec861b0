"""Evidence: an estimate with its interval, and the verdict that follows from them."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

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
        estimate: NaN where it is not measured; infinite for a depth that is never reached.
        low: Lower end of its interval; NaN where there is none; infinite where the depth is never reached.
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

        Where there is a p-value, it has to be at most 1 - level too. An interval without an upper end decides nothing,
        but that a depth is never reached, whichever concepts are drawn: then the claim does not hold.
        """
        if self.reason:
            return UNMEASURED
        if math.isinf(self.low):
            return FAILS
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
    """The mean over languages, [language], with Student's interval; none with fewer than six languages.

    A percentile bootstrap of so few values is too narrow: it decided on 11 of 100 random models where 5 are due.
    """
    mean, count = float(values.mean()), len(values)
    if count < LEAST:
        return Evidence(mean)
    reach = float(stats.t.ppf((1 + draws.level) / 2, count - 1) * values.std(ddof=1) / math.sqrt(count))
    return Evidence(mean, mean - reach, mean + reach)


def between(low: float, high: float, form: str) -> str:
    """An interval in words: "0.10 to 0.30"."""
    if math.isnan(low) or math.isnan(high):
        return "no interval"
    return "never" if math.isinf(low) else f"{valued(low, form)} to {valued(high, form)}"


def valued(value: float, form: str) -> str:
    """A number in words; a depth that is never reached is "never"."""
    return "never" if math.isinf(value) else format(value, form)
