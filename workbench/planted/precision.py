"""Average precision: how far up a ranking the true cells stand, with tied scores as one step."""

import numpy as np


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    """The sum over thresholds of (recall gained) x (precision there), as scikit-learn defines it.

    Every distinct score is a threshold, from the highest down; cells of one score enter together, so the order of ties
    does not matter. A constant score gives the share of true cells.

    Args:
        truth: bool [cell].
        score: [cell], higher is more likely; finite.

    Returns:
        From 0 to 1; NaN where no cell is true.
    """
    true = int(truth.sum())
    if not true:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # where each threshold ends
    hits = np.cumsum(truth[order])[last]
    return float(np.sum(np.diff(hits, prepend=0) * (hits / (last + 1))) / true)


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
