"""What LAPE and the ternary classes share: the entropy over languages, the bar, and the lowest few scores."""

import math

import numpy as np
from scipy.special import entr

from workbench.arguments import finite
from workbench.errors import BadArgument

_DECIMALS = 12  # float64 noise is near 1e-15: scores that agree to here are ties, whatever order the sums ran in


def check_share(name: str, value: float, *, closed: bool) -> float:
    """Return a share as a float: above 0 and below 1, or also 1 where `closed`; BadArgument otherwise."""
    return finite(name, value, above=0, at_most=1) if closed else finite(name, value, above=0, below=1)


def how_many(neurons: int, top_rate: float) -> int:
    """Return round(neurons * top_rate); BadArgument where that selects no neuron."""
    count = round(neurons * top_rate)
    if count == 0:
        raise BadArgument(
            f"top_rate={top_rate:g} of {neurons} neurons rounds to none; use a top_rate of at least {1 / neurons:.4f}"
        )
    return count


def entropy(rate: np.ndarray) -> np.ndarray:
    """Return -sum q ln q of q = p / sum p [nats], for rates [language, M] -> [M]; a dead neuron's q is uniform.

    The rates are sorted first, so that the order of the languages changes no bit of the sum.
    """
    q = np.sort(rate, axis=0)
    total = q.sum(axis=0)
    dead = total == 0
    q /= np.where(dead, 1.0, total)
    values = entr(q, out=q).sum(axis=0)
    values[dead] = math.log(len(rate))
    return values


def threshold(rate: np.ndarray, bar: float) -> float:
    """Return tau, the value of rank round(bar * size) of all rates, counting from the smallest, starting at 1."""
    rank = max(1, round(bar * rate.size)) - 1
    return float(np.partition(rate, rank, axis=None)[rank])


def lowest(score: np.ndarray, count: int) -> np.ndarray:
    """Return a mask [M] of the `count` lowest scores [M]; ties (to 12 decimals) go to the earlier position."""
    if count == 0:
        return np.zeros(len(score), dtype=bool)
    score = np.round(score, _DECIMALS)
    last = np.partition(score, count - 1)[count - 1]
    mask = score < last
    mask[np.flatnonzero(score == last)[: count - int(mask.sum())]] = True
    return mask
