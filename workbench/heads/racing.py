"""Racing: which cells have the largest means, without measuring every cell on every sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_GROWTH = 1.5  # samples of a stage over those of the one before
Draw = Callable[[np.ndarray, int, int], np.ndarray]
"""(cells, start, stop) to the values of these cells on the samples from start to stop - 1: [cell, sample]."""


@dataclass
class Race:
    """What a race found.

    Attributes:
        member: [cell] bool, the top cells.
        mean: [cell], the last estimate of the mean over all samples.
        low: [cell], lower end of its interval.
        high: [cell], upper end.
        seen: [cell], samples measured.
    """

    member: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    seen: np.ndarray


def race(
    draw: Draw,
    cells: int,
    samples: int,
    *,
    top: int,
    risk: float,
    guess: np.ndarray | None = None,
    order: Sequence[int] | np.ndarray | None = None,
    first: int = 32,
) -> Race:
    """Find the `top` cells by their mean over a finite set of samples.

    Stage by stage each undecided cell sees more samples (`first`, then half as many again, at last all). A cell is in
    once fewer than `top` others can lie as high as its lower end, and out once `top` others lie above its upper end;
    either way it is measured no further. A cell that has seen all samples is exact. Equal means are taken in the order
    of the cells.

    The interval is Bernstein's, sqrt(2 V L (1 - n/N) / n) + R L / (3 n) with L = log(4 / (risk / (cells * stages *
    estimates))): a union bound over all of them, so all intervals hold at every stage at once, for n samples of N taken
    without replacement. Variance V and range R are those of the n values seen, since a loss has no bound that could be
    stated beforehand: the interval is approximate, not a theorem. (Student's interval at the same risk missed skewed
    values far more often than stated.) What still fools it are values that are 0 on nearly all samples and large on a
    few that the first stage is likely to miss: raise `first`.

    With a `guess` of every value, known beforehand, each stage also makes the difference estimate: mean guess over all
    samples + mean of value - guess over the measured ones. It has the same mean whatever the guess is worth, and a
    narrow interval where the guess is good. Both intervals count, at half the risk each.

    Args:
        draw: measures; samples must be in random order.
        cells: number of cells.
        samples: number of samples in all.
        top: how many to find, below `cells`.
        risk: probability that any interval misses its mean at any stage, 1 - confidence.
        guess: [cell, sample] or None.
        order: cells, most promising first; the first 2 * top are measured before the others at every stage, so that the
            others meet a bar that is a stage ahead.
        first: samples of the first stage.

    Source:
        Races: Maron and Moore 1994. Interval: after Maurer and Pontil 2009 (arXiv 0907.3740), who need the true range,
        with the factor for sampling without replacement after Bardenet and Maillard 2015 (arXiv 1309.4029).
    """
    values = np.full((cells, samples), np.nan)
    found = Race(
        np.zeros(cells, bool),
        np.full(cells, np.nan),
        np.full(cells, -np.inf),
        np.full(cells, np.inf),
        np.zeros(cells, int),
    )
    guesses = [np.zeros((cells, samples))] + ([] if guess is None else [guess])
    ends = stages(samples, first)
    each = risk / (cells * max(1, len(ends) - 1) * len(guesses))
    ordered = np.arange(cells) if order is None else np.asarray(order)
    open_ = np.ones(cells, bool)
    for start, stop in zip([0, *ends[:-1]], ends, strict=True):
        for group in (ordered[: 2 * top], ordered[2 * top :]):
            now = np.sort(group[open_[group]])
            if not len(now):
                continue
            values[now, start:stop] = draw(now, start, stop)
            found.seen[now] = stop
            _narrow(found, now, values[now, :stop], [one[now] for one in guesses], each)
            _decide(found, open_, top)
    left = np.flatnonzero(open_)  # all of them exact: only equal means are still undecided
    ranked = left[np.argsort(-found.mean[left], kind="stable")]
    found.member[ranked[: max(0, top - int(found.member.sum()))]] = True
    return found


def stages(samples: int, first: int) -> list[int]:
    """How many samples have been seen after each stage; the last has all."""
    ends, count = [], float(first)
    while round(count) < samples:
        ends.append(round(count))
        count *= _GROWTH
    return [*ends, samples]


def _narrow(found: Race, cells: np.ndarray, values: np.ndarray, guesses: list[np.ndarray], risk: float) -> None:
    """Cut the cells' intervals down to what values [cell, sample so far] and guesses [cell, sample] allow."""
    seen, samples = values.shape[1], guesses[0].shape[1]
    if seen == samples:
        found.mean[cells] = found.low[cells] = found.high[cells] = values.mean(1)
        return
    if seen < 2:
        found.mean[cells] = values.mean(1)
        return
    log = np.log(4 / risk)  # two ends, each with its mean and its variance
    spread, edge = np.sqrt(2 * log * (1 - seen / samples) / seen), log / (3 * seen)
    narrowest = np.full(len(cells), np.inf)
    for guess in guesses:
        apart = values - guess[:, :seen]
        mean = guess.mean(1) + apart.mean(1)
        width = spread * apart.std(1, ddof=1) + edge * np.ptp(apart, axis=1)
        found.low[cells] = np.maximum(found.low[cells], mean - width)
        found.high[cells] = np.minimum(found.high[cells], mean + width)
        better = width < narrowest
        found.mean[cells[better]] = mean[better]
        narrowest = np.minimum(narrowest, width)
    found.mean[cells] = np.clip(found.mean[cells], found.low[cells], found.high[cells])  # earlier stages bound it too


def _decide(found: Race, open_: np.ndarray, top: int) -> None:
    """Close the cells that are certainly in or out."""
    rivals = (found.high[None] >= found.low[:, None]).sum(1) - 1  # others that may lie as high; not the cell itself
    above = (found.low[None] > found.high[:, None]).sum(1)
    out = open_ & (above >= top)
    enters = open_ & ~out & (rivals < top)
    found.member |= enters
    open_ &= ~(out | enters)
