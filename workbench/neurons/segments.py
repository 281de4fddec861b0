"""Piecewise-constant fits of curves over layers: the best boundaries, exactly, by dynamic programming."""

import numpy as np


def costs(curves: np.ndarray) -> np.ndarray:
    """Squared error of one constant per curve on the layers from i to j inclusive.

    Args:
        curves: [..., curve, layer].

    Returns:
        [..., i, j], summed over curves; infinite where j < i.
    """
    layers = curves.shape[-1]
    centred = curves - curves.mean(-1, keepdims=True)  # otherwise the difference of large squares loses digits
    zero = np.zeros((*curves.shape[:-1], 1))
    sums = np.concatenate([zero, centred.cumsum(-1)], -1)
    squares = np.concatenate([zero, (centred**2).cumsum(-1)], -1)
    first, end = np.arange(layers)[:, None], np.arange(1, layers + 1)[None]
    length = np.maximum(end - first, 1)
    total = sums[..., end] - sums[..., first]
    error = squares[..., end] - squares[..., first] - total**2 / length
    return np.where(end > first, np.maximum(error, 0).sum(-3), np.inf)


def fit(curves: np.ndarray, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """The best fits with 1 to `parts` constant parts; of fits that are equal, the one with earlier boundaries.

    Args:
        curves: [..., curve, layer], with at least `parts` layers.
        parts: the most parts, each of one layer or more.

    Returns:
        (error [..., parts], starts [..., parts, part]): the squared error with 1, 2 ... parts, and the first layer of
        every part, -1 where a fit has fewer.
    """
    cost = costs(curves)
    layers, lead = cost.shape[-1], cost.shape[:-2]
    best = cost[..., 0, :]  # [..., last layer] with one part
    errors, steps = [best[..., -1]], []
    for _ in range(1, parts):
        # the last part starts at i, after a best fit that ends at i - 1
        joined = np.full((*lead, layers, layers), np.inf)
        joined[..., 1:, :] = best[..., :-1, None] + cost[..., 1:, :]
        step = _first_lowest(joined)
        best = np.take_along_axis(joined, step[..., None, :], -2)[..., 0, :]
        steps.append(step)
        errors.append(best[..., -1])
    starts = np.full((*lead, parts, parts), -1)
    starts[..., 0] = 0
    for number in range(1, parts):  # walk back from the last layer
        last = np.full(lead, layers - 1)
        for part in range(number, 0, -1):
            start = np.take_along_axis(steps[part - 1], last[..., None], -1)[..., 0]
            starts[..., number, part] = start
            last = start - 1
    return np.stack(errors, -1), starts


def _first_lowest(joined: np.ndarray) -> np.ndarray:
    """Index along the last axis but one of the first value that is lowest up to rounding."""
    low = joined.min(-2, keepdims=True)
    return (joined <= low + 1e-12 * (1 + np.where(np.isfinite(low), low, 0))).argmax(-2)
