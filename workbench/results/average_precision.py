"""Average precision of rankings, with tied scores as one step."""

import numpy as np


def average_precision(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The sum over thresholds of (recall gained) x (precision there), as scikit-learn defines it.

    Every distinct score is a threshold, from the highest down; equal scores enter together, so the order of ties does
    not matter. A constant score gives the share of true items.

    Args:
        scores: [item, ranking]; a higher score predicts true.
        labels: which items are true, [class, item] bool.

    Returns:
        [class, ranking], from 0 to 1; NaN where a score is NaN, and for a class without a true item.
    """
    items = len(scores)
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked = np.take_along_axis(scores, order, 0)
    ends = np.ones(ranked.shape, dtype=bool)  # the last item of a group of equal scores
    ends[:-1] = ranked[1:] != ranked[:-1]
    place = np.where(ends, np.arange(items)[:, None], items)
    place = np.minimum.accumulate(place[::-1], axis=0)[::-1]
    precision = np.full((len(labels), scores.shape[1]), np.nan)
    for k, label in enumerate(labels):
        if label.any():
            hit = label[order]
            caught = np.take_along_axis(hit.cumsum(0), place, 0)
            precision[k] = (hit * caught / (place + 1)).sum(0) / label.sum()
    precision[:, np.isnan(scores).any(0)] = np.nan
    return precision
