"""Slope of the loss at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats


def loss_slope(history: Sequence[dict[str, float]], *, last: float = 0.25) -> dict[str, float]:
    """Straight line through the last part of a loss curve, by least squares.

    Args:
        history: one {tokens, loss (nats per token)} per logged step.
        last: share of the run's tokens to fit, from its end.

    Returns:
        `slope` in nats per token and million tokens read, negative if the loss falls, with its 95 % interval `low`,
        `high` (t distribution); `from_tokens`; `points`. Numbers are NaN with fewer than three points.

    Example:
        >>> loss_slope([{"tokens": 10**6 * n, "loss": 5.0 - n} for n in range(9)])["slope"]
        -1.0
    """
    end = history[-1]["tokens"] if history else 0
    entries = [entry for entry in history if entry["tokens"] >= (1 - last) * end]
    start = int(entries[0]["tokens"]) if entries else 0
    if len(entries) < 3:
        return {"slope": np.nan, "low": np.nan, "high": np.nan, "from_tokens": start, "points": len(entries)}
    fit: Any = stats.linregress([entry["tokens"] / 1e6 for entry in entries], [entry["loss"] for entry in entries])
    width = float(stats.t.ppf(0.975, len(entries) - 2) * fit.stderr)
    slope = float(fit.slope)
    numbers = {"slope": slope, "low": slope - width, "high": slope + width}
    return {**{name: round(value, 4) for name, value in numbers.items()}, "from_tokens": start, "points": len(entries)}
