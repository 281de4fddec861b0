"""Precision and recall of a set of cells, and the cells at the top of a score."""

import numpy as np


def precision_recall(truth: np.ndarray, selected: np.ndarray) -> tuple[float, float]:
    """Share of the selected that is true, and of the true that is selected; NaN for a share of nothing."""
    hits = int((truth & selected).sum())
    chosen, true = int(selected.sum()), int(truth.sum())
    return (hits / chosen if chosen else float("nan"), hits / true if true else float("nan"))


def top(score: np.ndarray, count: int) -> tuple[float, np.ndarray]:
    """The bar that `count` scores reach, and each cell's share in the top: 1 above it; ties at it share the rest.

    Args:
        score: [cell].
        count: from 1 to the number of cells.
    """
    bar = float(np.sort(score)[-count])
    above, on = score > bar, score == bar
    return bar, above + on * ((count - int(above.sum())) / int(on.sum()))
