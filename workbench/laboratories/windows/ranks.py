"""Where the chosen window stands among all windows of its size."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from workbench.laboratories.verdict import NOT_MEASURED, WORDS, amount, beyond_control


def ranked(result: xr.Dataset, windows: Sequence[str]) -> xr.Dataset:
    """Add to a run's Result where its recipe stands among the controls that train other windows.

    Args:
        result: of `run`; the recipe trains the chosen window.
        windows: names of the controls that train the others.

    Returns:
        The Result with `window_rank[measure]`, 1 where the recipe's mean change over languages is the best of all;
        `window_percentile[measure]`, the share of the other windows that change less for the better, in percent, equal
        ones half; and both of each seed: `window_rank_by_seed` and `window_percentile_by_seed[seed, measure]`.
    """
    by_seed = result.change_by_seed.mean("language").transpose("condition", "seed", "measure") * result.better
    mean = by_seed.mean("seed")
    rank, percentile = standing(mean.sel(condition="recipe").values, mean.sel(condition=list(windows)).values)
    ranks, percentiles = standing(by_seed.sel(condition="recipe").values, by_seed.sel(condition=list(windows)).values)
    every = len(windows) + 1
    return result.assign(
        window_rank=("measure", rank, {"long_name": f"place of the chosen window among {every}, 1 the best"}),
        window_percentile=(
            "measure",
            percentile,
            {"long_name": "other windows that change less for the better", "units": "percent"},
        ),
        window_rank_by_seed=(("seed", "measure"), ranks, {"long_name": "rank in each seed"}),
        window_percentile_by_seed=(
            ("seed", "measure"),
            percentiles,
            {"long_name": "percentile in each seed", "units": "percent"},
        ),
    )


def standing(mine: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rank and percentile of numbers among others, higher being better.

    Args:
        mine: [...].
        others: [other, ...].

    Returns:
        1 + how many others are higher, and the share of the others that are lower, equal ones half, in percent; NaN
        without others, or where the number is NaN.
    """
    higher, lower = (others > mine).sum(0), (others < mine).sum(0)
    count = len(others)
    share = np.full(mine.shape, np.nan) if not count else 100 * (lower + 0.5 * (count - higher - lower)) / count
    return np.where(np.isnan(mine), np.nan, 1.0 + higher), np.where(np.isnan(mine), np.nan, share)


def sentence(result: xr.Dataset, window: str) -> str:
    """Of each measure: the chosen window's change, its place among all, and whether it helps beyond the controls."""
    parts = []
    for measure in result.measure.values:
        own = result.sel(measure=measure)
        beyond = [
            f"{beyond_control(own, name)} (it {WORDS[int(own.mean_helps.sel(control=name))]})"
            for name in ("everything", "shuffled")
            if name in own.control.values
        ]
        every = int(result.attrs["windows"])
        seeds = zip(own.window_rank_by_seed.values, own.window_percentile_by_seed.values, strict=True)
        places = ", ".join(_place(rank, share, every) for rank, share in seeds)
        place = _place(float(own.window_rank), float(own.window_percentile), every)
        change = amount(own, own.mean_change.sel(condition="recipe"))
        parts.append(
            f"{measure}: {change} with {window}, place {place} of {every} windows (by seed: {places})"
            f"{''.join(f', {part}' for part in beyond)}."
        )
    return " ".join(parts)


def _place(rank: float, percentile: float, every: int) -> str:
    """The place of a window, `2`, or the places that it shares with others that change as much: `2 to 4`."""
    if np.isnan(rank):
        return NOT_MEASURED
    others = every - 1
    same = 0 if np.isnan(percentile) else round(2 * (others - (rank - 1) - percentile * others / 100))
    return f"{rank:.0f} to {rank + same:.0f}" if same else f"{rank:.0f}"
