"""Intervals of the rates of responses: none is without width, also where every response is alike.

| of | interval |
|---|---|
| a cell's line_pass or word_pass | Wilson's |
| a cell's other rates | a bootstrap over responses; where they are all alike, Wilson's |
| a mean over several cells, each with responses that differ | the same bootstrap |
| a mean over cells that are all 0, or all 1 | Wilson's, of their effective number of responses |
| another mean | the cells' intervals, combined; of one cell its own |

The harmonic mean of two rates is between those of their ends, where no response differs. The effective number of
responses is that of one sample whose share is as sure as the mean (Kish 1965): all of them, where cells are as large.

A bootstrap repeats what it draws from: of ten responses that all pass, it would call the rate certain.
"""

from dataclasses import dataclass

import numpy as np

from workbench.results.bootstrap import ends_of_known_draws
from workbench.results.proportions import wilson

Ends = tuple[np.ndarray, np.ndarray]


def proportion(passed: np.ndarray, tried: np.ndarray, level: float) -> Ends:
    """Wilson's interval of each share; NaN where nothing was tried. Parts of a response are rounded outwards."""
    low, high = np.full(tried.shape, np.nan), np.full(tried.shape, np.nan)
    known = (tried > 0) & ~np.isnan(passed)
    hits, of = passed[known].round(9), tried[known]
    low[known], high[known] = wilson(np.floor(hits), of, level=level)[0], wilson(np.ceil(hits), of, level=level)[1]
    return low, high


def varies(drawn: np.ndarray) -> np.ndarray:
    """Whether a rate differs between draws, the first axis."""
    known = ~np.isnan(drawn)
    low, high = np.where(known, drawn, np.inf).min(0), np.where(known, drawn, -np.inf).max(0)
    return high - low > 1e-12


def harmonic_ends(line: Ends, word: Ends) -> Ends:
    """Harmonic means of two rates' ends: it grows with both. A rate of which nothing was tried may be anything."""
    low, high = (harmonic(np.nan_to_num(line[end], nan=end), np.nan_to_num(word[end], nan=end)) for end in (0, 1))
    return low, high


def harmonic(line: np.ndarray, word: np.ndarray) -> np.ndarray:
    """The harmonic mean; 0 where one is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((line == 0) | (word == 0), line * word, 2 * line * word / (line + word))


@dataclass(frozen=True)
class Cells:
    """A rate of cells [task, source, language].

    Attributes:
        rate: NaN where there is none.
        ends: of its intervals; NaN where nothing was tried, which adds no width to a mean.
        varied: whether it differs between draws.
        tried: what the rate is a share of; None of one that is no share.
    """

    rate: np.ndarray
    ends: Ends
    varied: np.ndarray
    tried: np.ndarray | None


def of_mean(cells: Cells, weights: np.ndarray, drawn: np.ndarray, axes: tuple[int, ...], level: float) -> Ends:
    """The interval of weighted means over cells.

    Cells are combined as independent ones: an end is as far from the mean as the root of the sum of squares of the
    cells' own ends from their rates, times their weights (Zou, Huang and Zhang 2009).

    Args:
        cells: their rates.
        weights: of the cells, which sum to 1 in each mean; 0 of those that no mean has.
        drawn: the means of each draw, [draw, ...].
        axes: over which the mean is.
        level: of the interval.
    """
    used = weights > 0
    mean = np.where(used, weights * cells.rate, 0).sum(axes)
    away = [np.where(used, weights * np.nan_to_num(end - cells.rate), 0) for end in cells.ends]
    ends = [mean + sign * np.sqrt((own**2).sum(axes)) for sign, own in zip((-1, 1), away, strict=True)]
    if cells.tried is not None:
        parts = np.divide(weights**2, cells.tried, out=np.zeros(weights.shape), where=cells.tried > 0).sum(axes)
        effective = np.floor(np.divide(1, parts, out=np.zeros(mean.shape), where=parts > 0).round(9))
        alike = [(~used | (cells.rate == end)).all(axes) for end in (0, 1)]
        pooled = proportion(np.where(alike[1], effective, 0), effective, level)
        ends = [np.where(alike[0] | alike[1], own, end) for own, end in zip(pooled, ends, strict=True)]
    known = (used & ~np.isnan(cells.ends[0])).any(axes)
    drawable = (used.sum(axes) > 1) & (cells.varied | ~used).all(axes)
    low, high = (
        np.where(drawable, bootstrap, np.where(known, end, np.nan))
        for bootstrap, end in zip(ends_of_known_draws(drawn, level), ends, strict=True)
    )
    return low, high
