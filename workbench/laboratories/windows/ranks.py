"""Where the chosen window stands among all windows of its size."""

from collections.abc import Sequence

import numpy as np
import xarray as xr


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
    """Of each measure: the chosen window's change, its place among all windows, and what everything and shuffled do."""
    parts = []
    every = int(result.attrs["windows"])
    for measure in result.measure.values:
        own = result.sel(measure=measure)
        change = own.mean_change.sel(condition="recipe")
        beyond = [
            f"{float(own.mean_excess.sel(control=name)):+.3g} beyond {name} "
            f"[{float(own.mean_excess_low.sel(control=name)):+.3g}, "
            f"{float(own.mean_excess_high.sel(control=name)):+.3g}]"
            for name in ("everything", "shuffled")
            if name in own.control.values
        ]
        places = ", ".join(f"{value:.0f}" for value in own.window_rank_by_seed.values)
        parts.append(
            f"{measure}: {float(change):+.3g} {own.units.values!s} with {window}, place {float(own.window_rank):.0f} "
            f"of {every} windows (by seed: {places}){''.join(f', {part}' for part in beyond)}."
        )
    return " ".join(parts)
