"""Changes: what a recipe did to each measure and language, beyond each control, with intervals and signs by seed."""

from collections.abc import Sequence

import numpy as np

from workbench.results.bootstrap import ends_of_known_draws, weights
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables
from workbench.results.statistics import corrected, interval, mean_of_known

_FLIPS = 2000
_RESAMPLES = 1000


def changes(
    score: np.ndarray, better: np.ndarray, aligned: np.ndarray, *, level: float = 0.95, seed: int = 0
) -> Variables:
    """Variables of a Result from its scores.

    Samples are resampled (paired: the same ones before and after, and in recipe and control), with seeds averaged; so
    an interval says how far other samples would move a change, and the seeds' signs how far another training would.

    Args:
        score: [condition, seed, measure, language, sample]; the first condition is before training, the second the
            recipe, the others its controls. NaN where a language has fewer samples, or a cell is not finished.
        better: 1 where a higher score is better, -1 where a lower one is, [measure].
        aligned: whether sample i is the same item in all languages, [measure].
        level: confidence level.
        seed: of the resampling and of the sign flips.

    Returns:
        See `wb.laboratories.run`.
    """
    moved = score - score[:1]  # [condition, seed, measure, language, sample]
    beyond = moved[1:2] - moved[2:]  # [control, ...]
    how = {"level": level, "seed": seed}
    change, excess = (mean_of_known(part, 1) for part in (moved, beyond))  # [condition, measure, language, sample]
    of_change, of_excess = interval(change, axis=-1, **how), interval(excess, axis=-1, **how)
    by_seed, excess_by_seed = mean_of_known(moved, -1), mean_of_known(beyond, -1)
    unit = "[unit of the measure]"
    cells, against = ("condition", "measure", "language"), ("control", "measure", "language")
    means, over = _over_languages(change, aligned, **how), _over_languages(excess, aligned, **how)
    return {
        "change": (cells, mean_of_known(change, -1), f"score after training minus before {unit}"),
        **interval_ends(cells, of_change, f"the change over samples {unit}", level=level),
        "change_by_seed": (("condition", "seed", *cells[1:]), by_seed, f"the change in each seed {unit}"),
        "excess": (against, mean_of_known(excess, -1), f"change with the recipe minus with the control {unit}"),
        **interval_ends(against, of_excess, f"the excess over samples {unit}", level=level, name="excess"),
        "p_value": (against, corrected(sign_flip_p(excess, seed=seed)), "p-value that the excess is 0, corrected"),
        "excess_by_seed": (("control", "seed", *against[1:]), excess_by_seed, f"the excess in each seed {unit}"),
        "helps": (
            against,
            helps(of_excess, excess_by_seed, better[:, None]),
            "1: better than the control, -1: worse, in every seed and with an interval off 0; 0: undecided",
        ),
        "mean_change": (cells[:2], means[0], f"mean change over languages {unit}"),
        **interval_ends(cells[:2], means[1:], f"the mean change {unit}", level=level, name="mean_change"),
        "mean_excess": (against[:2], over[0], f"mean excess over languages {unit}"),
        **interval_ends(against[:2], over[1:], f"the mean excess {unit}", level=level, name="mean_excess"),
        "mean_helps": (
            against[:2],
            helps(over[1:], mean_of_known(excess_by_seed, -1), better),
            "as helps, of the mean over languages",
        ),
    }


OWNERS = {"excess": ("p_value",)}


def helps(ends: Sequence[np.ndarray], by_seed: np.ndarray, better: np.ndarray) -> np.ndarray:
    """1, -1 or 0 for each cell: better, worse or undecided.

    Args:
        ends: lower and upper ends of the excess, [control, measure, ...].
        by_seed: the excess in each seed, [control, seed, measure, ...]; seeds that are NaN do not count.
        better: 1 or -1, [measure, ...].
    """
    with np.errstate(invalid="ignore"):
        above, below = (np.all((by_seed * sign > 0) | np.isnan(by_seed), axis=1) for sign in (1, -1))
        up, down = (ends[0] > 0) & above, (ends[1] < 0) & below
    return (up.astype(int) - down.astype(int)) * better.astype(int)


def sign_flip_p(samples: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Two-sided p-values that means over samples are 0, from random flips of the samples' signs.

    Args:
        samples: [...cells, sample]; NaN samples are ignored.
        seed: of the flips.

    Returns:
        [...cells]; NaN for cells without samples, 1 where all samples are 0.
    """
    flat = samples.reshape(-1, samples.shape[-1])
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (_FLIPS, samples.shape[-1]))
    values = np.nan_to_num(flat)
    seen = np.abs(values.sum(1))
    beyond = (np.abs(signs @ values.T) >= seen - 1e-9 * (1 + seen)).sum(0)
    p = (1 + beyond) / (1 + _FLIPS)
    return np.where(np.isnan(flat).all(1), np.nan, p).reshape(samples.shape[:-1])


def _over_languages(
    samples: np.ndarray, aligned: np.ndarray, *, level: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over languages and its interval; samples: [condition, measure, language, sample] -> [condition, measure].

    Aligned samples are drawn together in all languages; others within each language.
    """
    mean = mean_of_known(mean_of_known(samples, -1), -1)
    low, high = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    for condition, measure in np.ndindex(*mean.shape):
        rows = samples[condition, measure]
        own = [row[~np.isnan(row)] for row in rows]
        own = [row for row in own if len(row)]
        if not own or max(map(len, own)) < 2:
            continue
        if aligned[measure]:
            drawn = _drawn_together(rows, seed)
        else:
            draws = [weights(len(row), _RESAMPLES, (seed, number)) @ row for number, row in enumerate(own)]
            drawn = np.mean(draws, axis=0)
        low[condition, measure], high[condition, measure] = ends_of_known_draws(drawn, level)
    return mean, low, high


def _drawn_together(rows: np.ndarray, seed: int) -> np.ndarray:
    """Redrawn means over languages, [draw], of samples [language, sample] that are the same items in all of them.

    A language may lack items, and others than another language; a draw says nothing of one that it has no item of.
    """
    there = ~np.isnan(rows)
    rows, there = rows[:, there.any(0)], there[:, there.any(0)]
    drawn = weights(rows.shape[1], _RESAMPLES, seed)
    with np.errstate(invalid="ignore"):
        means = drawn @ np.where(there, rows, 0.0).T / (drawn @ there.T)
    return mean_of_known(means, 1)
