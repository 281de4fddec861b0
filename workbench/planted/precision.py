"""Precision and recall: how much of what is true was found, and of what was found is true."""

import numpy as np


def precision_recall(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Share of the found that is true, and of the true that is found; NaN for a share of nothing."""
    hits = int((truth & found).sum())
    chosen, true = int(found.sum()), int(truth.sum())
    return (hits / chosen if chosen else float("nan"), hits / true if true else float("nan"))


def top(score: np.ndarray, count: int) -> tuple[float, np.ndarray]:
    """The bar that `count` scores reach, and each cell's share in the top: 1 above it, ties on it share what is left.

    Args:
        score: [cell].
        count: from 1 to the number of cells.
    """
    bar = float(np.sort(score)[-count])
    above, on = score > bar, score == bar
    return bar, above + on * ((count - int(above.sum())) / int(on.sum()))
