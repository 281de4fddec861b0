"""Controls: what a change does beyond what as many random heads or neurons of the same layers do."""

from typing import Any

import numpy as np

from workbench.results.statistics import corrected, interval, p_value

OWNERS = {"delta": ("low", "high", "control_mean", "control_low", "control_high"), "excess": ("p_value",)}


def beyond_controls(
    samples: np.ndarray,
    counts: np.ndarray,
    *,
    axis: str,
    unit: str,
    level: float,
    seed: int,
    clusters: np.ndarray | None = None,
) -> dict[str, tuple[tuple[str, ...], Any, str]]:
    """The variables of a knock-out or of steering, for `make_result`.

    Args:
        samples: change of each text's loss, [cell, 1 + control, language, sample]: the cell itself, then its random
            controls. NaN where a language has fewer texts or is not finished. Texts stand in an order that does not
            depend on how they were sorted, since the bootstrap sees it.
        counts: texts of each language, [language] or [cell, language]; NaN where it is not finished.
        axis: what the cells are called, such as "group" or "dose".
        unit: what was changed, in the plural: heads or neurons.
        level: of the intervals.
        seed: of the bootstrap.
        clusters: which texts of a language are one, [language, sample], in the order of the samples; see `interval`.

    Returns:
        In nats: `delta`, `low`, `high`, `control_mean`, `control_low`, `control_high`, `excess`, `excess_low`,
        `excess_high` and `p_value`, each [cell, language], and `control_delta[cell, control, language]`; what is about
        controls is NaN where there are none.
    """
    delta, control = samples[:, 0], samples[:, 1:]
    counts = np.broadcast_to(counts, delta.shape[:2])  # nansum of nothing is 0; nothing / NaN is NaN
    drawn = np.nansum(control, 3) / counts[:, None]
    nothing = np.full(delta.shape[:2], np.nan)
    mean, ends, excess = nothing, (nothing, nothing), np.full_like(delta, np.nan)
    if drawn.shape[1]:
        mean, excess = drawn.mean(1), delta - control.mean(1)
        ends = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2), axis=1)
    low, high = interval(delta, axis=2, level=level, seed=seed, clusters=clusters)
    excess_low, excess_high = interval(excess, axis=2, level=level, seed=seed, clusters=clusters)
    p = corrected(p_value(excess, axis=2, clusters=clusters))
    cells = (axis, "language")
    between = f"of the {level:.0%} interval of"
    random = f"of the central {level:.0%} of the random {axis}s' changes"
    change = np.nansum(delta, 2) / counts
    return {
        "delta": (cells, change, "change of the loss [nats]"),
        "low": (cells, low, f"lower end {between} delta over texts [nats]"),
        "high": (cells, high, f"upper end {between} delta over texts [nats]"),
        "control_mean": (cells, mean, f"mean change of the loss with random {unit} of the same layers [nats]"),
        "control_low": (cells, ends[0], f"lower end {random} [nats]"),
        "control_high": (cells, ends[1], f"upper end {random} [nats]"),
        "excess": (cells, change - mean, f"change beyond that of random {unit} [nats]"),
        "excess_low": (cells, excess_low, f"lower end {between} excess over texts [nats]"),
        "excess_high": (cells, excess_high, f"upper end {between} excess over texts [nats]"),
        "p_value": (cells, p, "p-value that excess is 0, corrected"),
        "control_delta": ((axis, "control", "language"), drawn, f"change with each random {axis} [nats]"),
    }
