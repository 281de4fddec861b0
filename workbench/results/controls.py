"""Controls: the effect of a change beyond that of as many random heads or neurons of the same layers."""

import numpy as np

from workbench.results.bootstrap import ends_of_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables
from workbench.results.statistics import corrected, interval, p_value

OWNERS = {"delta": ("low", "high", "control_mean", "control_low", "control_high"), "excess": ("p_value",)}


def beyond_controls(
    samples: np.ndarray,
    counts: np.ndarray,
    *,
    axis: str,
    changed: str,
    noun: str,
    unit: str,
    level: float,
    seed: int,
    clusters: np.ndarray | None = None,
) -> Variables:
    """Result variables of a knock-out or of steering, for `make_result`.

    Args:
        samples: change of each text's loss or other metric, [cell, 1 + control, language, sample]: the cell itself,
            then its random controls. NaN where a language has fewer texts or is not finished. Texts are in canonical
            order (`text.order`), since the bootstrap depends on it.
        counts: texts of each language, [language] or [cell, language]; NaN where not finished.
        axis: name of the cell axis, such as "group" or "dose".
        changed: what was changed, in the plural: heads or neurons.
        noun: the metric, such as "loss".
        unit: unit of the metric.
        level: confidence level.
        seed: seed of the bootstrap.
        clusters: cluster of each text, [language, sample], in the order of the samples; see `interval`.

    Returns:
        In this unit: `delta`, `low`, `high`, `control_mean`, `control_low`, `control_high`, `excess`, `excess_low`,
        `excess_high` and `p_value`, each [cell, language], and `control_delta[cell, control, language]`; control
        variables are NaN without controls.
    """
    delta, control = samples[:, 0], samples[:, 1:]
    counts = np.broadcast_to(counts, delta.shape[:2])  # nansum of nothing is 0; nothing / NaN is NaN
    drawn = np.nansum(control, 3) / counts[:, None]
    nothing = np.full(delta.shape[:2], np.nan)
    mean, ends, excess = nothing, (nothing, nothing), np.full_like(delta, np.nan)
    if drawn.shape[1]:
        mean, excess = drawn.mean(1), delta - control.mean(1)
        ends = ends_of_draws(drawn, level, axis=1)
    how = {"axis": 2, "level": level, "seed": seed, "clusters": clusters}
    of_delta, of_excess = interval(delta, **how), interval(excess, **how)
    p = corrected(p_value(excess, axis=2, clusters=clusters))
    cells = (axis, "language")
    random = f"of the central {level:.0%} of the random {axis}s' changes"
    change = np.nansum(delta, 2) / counts
    return {
        "delta": (cells, change, f"change of the {noun} [{unit}]"),
        **interval_ends(cells, of_delta, f"delta over texts [{unit}]", level=level),
        "control_mean": (cells, mean, f"mean change of the {noun} with random {changed} of the same layers [{unit}]"),
        "control_low": (cells, ends[0], f"lower end {random} [{unit}]"),
        "control_high": (cells, ends[1], f"upper end {random} [{unit}]"),
        "excess": (cells, change - mean, f"change beyond that of random {changed} [{unit}]"),
        **interval_ends(cells, of_excess, f"excess over texts [{unit}]", level=level, name="excess"),
        "p_value": (cells, p, "p-value that excess is 0, corrected"),
        "control_delta": ((axis, "control", "language"), drawn, f"change with each random {axis} [{unit}]"),
    }
