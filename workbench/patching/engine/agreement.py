"""How well an approximation agrees with exact patching, on the cells that were measured both ways."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy import stats

from workbench.patching.engine.table import Table
from workbench.results.bootstrap import draw_indices


def with_agreement(
    result: xr.Dataset,
    table: Table,
    exact: np.ndarray,
    estimate: np.ndarray,
    cells: Mapping[str, np.ndarray],
    seed: int,
) -> xr.Dataset:
    """Write sampled cells and their agreement into a Result.

    Args:
        result: with the estimates.
        table: the values that the result was made from.
        exact: the metric of each exactly patched cell, [pair, cell]; NaN where a pair has no such cell.
        estimate: the estimated effects of these cells, [cell].
        cells: coordinates that identify the cells, each [cell].
        seed: of the bootstrap.
    """
    present = ~np.isnan(exact)
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.where(present, exact - table.target[:, None], 0).sum(0)
        effect = moved / np.where(present, (table.source - table.target)[:, None], 0).sum(0)
    text = "of the sampled cells: 0 is the unpatched target run, 1 the source run"
    result = result.assign(
        exact=("cell", effect, {"long_name": f"exact effect {text}"}),
        estimate=("cell", estimate, {"long_name": f"estimated effect {text}"}),
    ).assign_coords({"cell": np.arange(len(estimate)), **{name: ("cell", labels) for name, labels in cells.items()}})
    result.attrs.update(agreement(effect, estimate, seed))
    return result


def agreement(exact: np.ndarray, estimate: np.ndarray, seed: int = 0, resamples: int = 1000) -> dict[str, float]:
    """How two lists of effects agree: Pearson with a bootstrap interval over cells, Spearman, mean absolute error."""
    known = np.isfinite(exact) & np.isfinite(estimate)
    exact, estimate = exact[known], estimate[known]
    nothing = dict.fromkeys(("agreement", "agreement_low", "agreement_high", "agreement_rank"), float("nan"))
    if len(exact) < 3 or np.ptp(exact) == 0 or np.ptp(estimate) == 0:
        error = float(np.abs(exact - estimate).mean()) if len(exact) else float("nan")
        return {**nothing, "agreement_error": error}
    draws = draw_indices(len(exact), resamples, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = exact[draws], estimate[draws]
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        correlations = (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))
    low, high = np.nanquantile(correlations, (0.025, 0.975))
    return {
        "agreement": float(np.corrcoef(exact, estimate)[0, 1]),
        "agreement_low": float(low),
        "agreement_high": float(high),
        "agreement_rank": float(stats.spearmanr(exact, estimate)[0]),  # pyright: ignore[reportArgumentType]
        "agreement_error": float(np.abs(exact - estimate).mean()),
    }
