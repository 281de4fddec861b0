"""The verdict on a circuit: which leg holds in which language, and what that says of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEGS = ("necessity", "sufficiency")
YES, NO, UNCLEAR = "yes", "no", "unclear"
_ROUNDING = 1e-9  # of 1 - level


@dataclass(frozen=True)
class Evidence:
    """What was measured of one leg.

    Attributes:
        share: of the task's effect, [language].
        low: lower end of its interval over pairs, [language].
        high: upper end, [language].
        p: of the smallest share among those of the random sets.
        least: share that is required.
    """

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: float
    least: float

    def holds(self, done: np.ndarray) -> list[str]:
        """Whether the share is large enough in each language: yes, no, or unclear.

        Args:
            done: whether ablating every unit damages the task in the language; else nothing can be a share of it.
        """
        states = [done & (self.high < self.least), done & (self.low >= self.least)]
        return np.select(states, [NO, YES], UNCLEAR).tolist()


def invariant(holds: Sequence[str]) -> str:
    """Whether a leg holds in every language: its effect has one sign and enough size in all of them."""
    return NO if NO in holds else UNCLEAR if UNCLEAR in holds else YES


def decide(
    evidence: dict[str, Evidence], languages: Sequence[str], damage: np.ndarray, level: float
) -> tuple[str, str, dict[str, list[str]]]:
    """The verdict, its reason in plain words, and whether each leg holds in each language.

    Args:
        evidence: by leg.
        languages: their codes.
        damage: lower end of the interval of what ablating all units costs, [language]; NaN where it was not measured.
        level: of the intervals, and 1 - that of the test.
    """
    done = damage > 0
    holds = {leg: own.holds(done) for leg, own in evidence.items()}
    failures = [_failure(leg, own, holds[leg], languages, level) for leg, own in evidence.items()]
    if any(failures):
        return "rejected", "; ".join(filter(None, failures)), holds
    unseen = [code for code, own in zip(languages, damage, strict=True) if np.isnan(own)]
    if unseen:
        return "undecided", f"{', '.join(unseen)} was not measured", holds
    if not done.all():
        codes = ", ".join(code for code, does in zip(languages, done, strict=True) if not does)
        reason = f"ablating every unit of this kind does not damage the task in {codes}, so no share of it is defined"
        return "undecided", reason, holds
    unclear = [_listed(leg, own, holds[leg], UNCLEAR, languages) for leg, own in evidence.items()]
    if any(unclear):
        return "undecided", "; ".join(filter(None, unclear)) + "; more pairs would narrow the intervals", holds
    return "accepted", "necessary and sufficient in every language, and more than random sets", holds


def _failure(leg: str, own: Evidence, holds: list[str], languages: Sequence[str], level: float) -> str:
    """A leg that fails everywhere, one that is not invariant, or one that random sets have too; else nothing."""
    if NO in holds:
        details = _listed(leg, own, holds, NO, languages)
        good = [code for code, holding in zip(languages, holds, strict=True) if holding == YES]
        return (
            f"invariance fails: {leg} holds in {', '.join(good)}, but {details}" if good else f"{leg} fails: {details}"
        )
    if own.p > 1 - level + _ROUNDING:
        smallest = float(own.share.min())
        return f"{leg} fails: random sets do as much ({smallest:.2f} of the task in every language, p = {own.p:.2g})"
    return ""


def _listed(leg: str, own: Evidence, holds: list[str], state: str, languages: Sequence[str]) -> str:
    """A leg in the languages of one state, with the numbers."""
    ends = ("share", "low", "high")
    numbers = [[round(float(getattr(own, end)[k]), 2) + 0.0 for end in ends] for k in range(len(languages))]  # no -0
    cells = [
        f"{code} ({share:.2f}, {low:.2f} to {high:.2f})"
        for code, (share, low, high), mine in zip(languages, numbers, holds, strict=True)
        if mine == state
    ]
    side = "is less than" if state == NO else "may be more or less than"
    return f"{leg} {side} {own.least:g} of the task in {', '.join(cells)}" if cells else ""
