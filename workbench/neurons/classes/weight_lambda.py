"""The weight lambda of the ternary score: its two scalings, and the largest one that a condition allows."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from workbench.errors import BadArgument

LOW, HIGH, STEP = 0.0, 0.2, 1e-3  # the released search, in the released scaling
_AUDIT = 20  # equal parts of [LOW, HIGH] whose ends are probed as well


def mean_rank_share(languages: int) -> float:
    """Return (1 + 1/2 + ... + 1/K) / K, by which the released score divides the largest rate."""
    return math.fsum(1 / rank for rank in range(1, languages + 1)) / languages


def conversion(languages: int) -> float:
    """Return lambda' / lambda = ln K / ((1 + 1/2 + ... + 1/K) / K), paper scaling over released scaling."""
    return math.log(languages) / mean_rank_share(languages)


@dataclass(frozen=True)
class Search:
    """The largest lambda, and what was probed: {lambda: selected neurons that belong to every language}."""

    lam: float
    probes: dict[float, int]

    @property
    def monotone(self) -> bool:
        """Whether no probed lambda succeeds above one that fails."""
        failing = [lam for lam, count in self.probes.items() if count]
        return not failing or all(lam < min(failing) for lam, count in self.probes.items() if not count)

    def __str__(self) -> str:
        """How the lambda was found."""
        shape = "monotone" if self.monotone else "NOT monotone: above some that fail others succeed"
        return f"bisection on [{LOW:g}, {HIGH:g}] to {STEP:g} (released scaling), {len(self.probes)} values, {shape}"


def largest(everywhere: Callable[[float], int]) -> Search:
    """Find the largest lambda in [0, 0.2], to 1e-3, at which `everywhere(lambda)` is 0.

    First the bisection of the released code, value for value. It misses what lies outside its bracket, so the rest of
    the range is then probed in steps of 0.01; where a larger value succeeds, the search goes on from there.

    Raises:
        BadArgument: no probed lambda succeeds.
    """
    probes: dict[float, int] = {}

    def succeeds(lam: float) -> bool:
        if lam not in probes:
            probes[lam] = everywhere(lam)
        return probes[lam] == 0

    def bisect(low: float, high: float) -> tuple[float, float]:
        while high - low > STEP:
            middle = (low + high) / 2
            low, high = (middle, high) if succeeds(middle) else (low, middle)
        return low, high

    bracket = (LOW, LOW)
    if succeeds(LOW) and not succeeds(HIGH):
        bracket = bisect(LOW, HIGH)
    succeeds(HIGH)
    for part in range(1, _AUDIT):
        lam = LOW + (HIGH - LOW) * part / _AUDIT
        if not bracket[0] < lam < bracket[1]:
            succeeds(lam)
    good = [lam for lam, count in probes.items() if count == 0]
    if not good:
        fewest = min(probes, key=lambda lam: (probes[lam], lam))
        raise BadArgument(
            f"lam='auto' found no lambda in [{LOW:g}, {HIGH:g}] (released scaling) without a selected neuron in every "
            f"language: tried {len(probes)} values, fewest {probes[fewest]} at {fewest:g}; "
            "give lam a number, lower top_rate or raise bar"
        )
    best = max(good)
    if best < HIGH:
        best, _ = bisect(best, min(lam for lam in probes if lam > best))
    return Search(best, probes)
