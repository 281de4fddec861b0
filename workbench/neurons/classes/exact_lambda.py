"""The exact lambda: where the selection changes, from the sorted crossings of the neurons' scores."""

import numpy as np

from workbench.neurons.classes.weight_lambda import HIGH


def exact_lambda(normal: np.ndarray, share: np.ndarray, everywhere: np.ndarray, count: int) -> float:
    """The supremum of all lambda in [0, 0.2] at which no neuron of every language is among the `count` lowest scores.

    A score is a line, normal - lambda * share. The lowest score of the neurons of every language is a concave chain m
    of pieces of such lines, so each other neuron lies below m on one interval of lambda. No neuron of every language is
    selected where `count` others lie below m, which the sorted ends of the intervals give exactly. Scores that are
    equal all along count as not below.

    Args:
        normal: entropy / ln K of each neuron, [M].
        share: its largest rate over ((1 + 1/2 + ... + 1/K) / K), [M].
        everywhere: whether it belongs to every language, [M] bool.
        count: how many neurons are selected.

    Returns:
        Lambda in the released scaling: 0.2 where the whole range qualifies, NaN where nothing does.
    """
    if not everywhere.any():
        return HIGH
    corners, lowest = _chain(normal[everywhere], share[everywhere])
    other_normal, other_share = normal[~everywhere], share[~everywhere]
    start, end = np.full((2, len(other_normal)), np.nan)
    before = None
    for place, (lam, low) in enumerate(zip(corners, lowest, strict=True)):
        gap = low - (other_normal - lam * other_share)  # above 0 where the neuron lies below the chain
        below = gap > 0
        if before is None:
            start[below], end[below] = -np.inf, np.inf
        else:
            last, width = corners[place - 1], lam - corners[place - 1]
            enters, leaves = below & ~(before > 0), ~below & (before > 0)
            for which, ends in ((enters, start), (leaves, end)):
                ends[which] = last + width * before[which] / (before[which] - gap[which])
            end[enters] = np.inf
        before = gap
    start, end = start[~np.isnan(start)], end[~np.isnan(start)]
    if np.isinf(end).sum() >= count:
        return HIGH
    finite = np.sort(end[np.isfinite(end)])
    covered = np.searchsorted(np.sort(start), finite, "left") - np.searchsorted(finite, finite, "left")
    good = np.flatnonzero(covered >= count)  # just below the end of each interval
    return float(finite[good[-1]]) if len(good) else float("nan")


def _chain(normal: np.ndarray, share: np.ndarray) -> tuple[list[float], list[float]]:
    """Corners of the lowest of some falling lines on [0, 0.2], and its height there."""
    at = np.lexsort((-share, normal))[0]
    corners, heights = [0.0], [float(normal[at])]
    while corners[-1] < HIGH:
        steeper = np.flatnonzero(share > share[at])
        crossing = (normal[steeper] - normal[at]) / (share[steeper] - share[at])
        ahead = crossing >= corners[-1]
        steeper, crossing = steeper[ahead], crossing[ahead]
        if not len(steeper) or crossing.min() >= HIGH:
            corners.append(HIGH)
            heights.append(float(normal[at] - HIGH * share[at]))
            break
        lam = float(crossing.min())
        same = steeper[crossing <= lam]
        if lam > corners[-1]:
            corners.append(lam)
            heights.append(float(normal[at] - lam * share[at]))
        at = same[share[same].argmax()]
    return corners, heights
