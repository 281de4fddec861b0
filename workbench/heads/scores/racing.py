"""Racing: which cells have the largest means, without measuring every cell on every sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.heads.scores.catoni import catoni

_GROWTH = 1.3  # samples of a stage over those of the one before
Draw = Callable[[np.ndarray, int, int], np.ndarray]
"""(cells, start, stop) to the values of these cells on the samples from start to stop - 1: [cell, sample]."""


@dataclass
class Race:
    """The result of a race, each [cell]."""

    member: np.ndarray  # bool, the top cells
    mean: np.ndarray  # the last estimate of the mean over all samples
    low: np.ndarray  # ends of its interval
    high: np.ndarray
    seen: np.ndarray  # samples measured


def race(
    draw: Draw,
    cells: int,
    samples: int,
    *,
    top: int,
    risk: float,
    guess: np.ndarray | None = None,
    order: Sequence[int] | np.ndarray | None = None,
    first: int = 8,
) -> Race:
    """Find the `top` cells by their mean over a finite set of samples.

    At each stage the undecided cells are measured on more samples (`first`, then three tenths more, at last all). A
    cell is a member once fewer than `top` others can lie as high as its lower end, and none once `top` others lie above
    its upper end; either way it is measured no further. A cell that has seen all samples is exact. Equal means are
    taken in the order of the cells.

    With a `guess` of every value, known beforehand, what is raced is value - guess, whose mean over all samples is that
    of the values less a known number. It varies little where the guess is good. The values themselves are raced too, in
    case the guess is useless; both intervals count, at half the risk each.

    Intervals are `catoni`'s: valid at every stage at once, for samples drawn without replacement, and not misled by a
    few large values; union over cells and guesses. **What they assume:** that the samples a cell has not seen vary no
    more than a stated variance. It is not known, so it is estimated: the largest of the variance that the cell showed
    and the variance that cells with guesses of its size showed at the first stage (a line through the logarithms of
    both). The second guards against a cell whose large samples were not drawn yet. So the risk is exact for the
    variances assumed, and approximate as far as they are estimates.

    The samples of `draw` are in random order, and `top` is below the number of cells. `risk` is the probability that
    any interval misses its mean at any stage, 1 - confidence; `guess` is [cell, sample]. From the second stage on the
    first 2 * top cells of `order`, most promising first, are measured before the others, so that the others are
    compared with intervals that are a stage ahead. The first stage has `first` samples, from 2.

    Source:
        Races: Maron and Moore 1994.
    """
    values = np.full((cells, samples), np.nan)
    mean, low, high = (np.full(cells, value) for value in (np.nan, -np.inf, np.inf))
    state = Race(np.zeros(cells, bool), mean, low, high, np.zeros(cells, int))
    guesses = np.stack([np.zeros((cells, samples)), *([] if guess is None else [guess])])
    sizes = np.ones(cells) if guess is None else (guess**2).mean(1)
    log_risk = np.log(2 * cells * len(guesses) / risk)
    ordered = np.arange(cells) if order is None else np.asarray(order)
    open_ = np.ones(cells, bool)
    expected = np.zeros((len(guesses), cells))  # variances
    start = 0
    for stop in stages(samples, first):
        for group in (ordered[: 2 * top], ordered[2 * top :]) if start else (ordered,):
            now = np.sort(group[open_[group]])
            if not len(now):
                continue
            values[now, start:stop] = draw(now, start, stop)
            state.seen[now] = stop
            if not start:
                variances = (values - guesses)[..., :stop].var(2, ddof=1)
                expected = np.stack([_expected_variance(of_guess, sizes) for of_guess in variances])
            _narrow(state, now, values[now, :stop], guesses.take(now, 1), expected[:, now], log_risk)
            _decide(state, open_, top)
        start = stop
    left = np.flatnonzero(open_)  # all of them exact: only equal means are still undecided
    ranked = left[np.argsort(-state.mean[left], kind="stable")]
    state.member[ranked[: max(0, top - int(state.member.sum()))]] = True
    return state


def stages(samples: int, first: int) -> list[int]:
    """How many samples have been seen after each stage; the last has all."""
    ends, count = [], float(first)
    while round(count) < samples:
        ends.append(round(count))
        count *= _GROWTH
    return [*ends, samples]


def _expected_variance(variances: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The expected variance of a cell of this size: a line through the logarithms of both, [cell]."""
    moves = variances > 0
    if not moves.any():
        return np.zeros_like(variances)
    size = np.log(np.maximum(sizes, 1e-12 * max(sizes.max(), 1e-300)))
    degree = int(np.ptp(size[moves]) > 1e-6)
    return np.exp(np.polyval(np.polyfit(size[moves], np.log(variances[moves]), degree), size))


def _narrow(
    state: Race, cells: np.ndarray, values: np.ndarray, guesses: np.ndarray, expected: np.ndarray, log_risk: float
) -> None:
    """Narrow the cells' intervals to what values [cell, sample so far] and guesses [guess, cell, sample] allow."""
    seen, samples = values.shape[1], guesses.shape[2]
    if seen == samples:
        state.mean[cells] = state.low[cells] = state.high[cells] = values.mean(1)
        return
    differences = values - guesses[..., :seen]
    variance = np.maximum(differences.var(2, ddof=1), expected)
    ends = catoni(differences.reshape(-1, seen), samples, variance.ravel(), log_risk)
    known = guesses.mean(2)
    low, high = (known + end.reshape(known.shape) for end in ends)
    best = (high - low).argmin(0)[None]
    state.low[cells] = np.maximum(state.low[cells], low.max(0))
    state.high[cells] = np.minimum(state.high[cells], high.min(0))
    state.mean[cells] = np.take_along_axis(known + differences.mean(2), best, 0)[0]
    state.mean[cells] = np.clip(state.mean[cells], state.low[cells], state.high[cells])  # earlier stages bound it too


def _decide(state: Race, open_: np.ndarray, top: int) -> None:
    """Close the cells that certainly are members, or certainly are not."""
    rivals = (state.high[None] >= state.low[:, None]).sum(1) - 1  # others that may lie as high; not the cell itself
    above = (state.low[None] > state.high[:, None]).sum(1)
    out = open_ & (above >= top)
    enters = open_ & ~out & (rivals < top)
    state.member |= enters
    open_ &= ~(out | enters)
