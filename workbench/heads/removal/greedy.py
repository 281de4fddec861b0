"""Greedy removal: remove, one by one, the head that costs least by exact measurement."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Measured = Callable[[np.ndarray], np.ndarray]
"""Scales [cell, layer, head] to the mean loss of each language, [cell, language]."""


@dataclass(frozen=True)
class Step:
    """One head that was removed."""

    head: tuple[int, int]
    rise: float  # of the kept languages' mean loss since the start, in nats
    cells: int  # removals that were measured to choose it


def greedy(
    measured: Measured,
    shape: tuple[int, int],
    keep: list[int],
    drop: list[int],
    *,
    budget: float,
    push: float,
    candidates: int | None,
    most: int,
) -> Iterator[Step]:
    """Remove heads one by one until the kept languages' loss would rise by more than the budget.

    At each step the `candidates` heads that last looked cheapest are measured again with everything removed so far (all
    heads at the first step), and the cheapest one goes. Cost = mean loss of the kept languages - push x mean loss of
    the dropped ones. A head beyond the budget is never removed; when all that were measured are beyond it, the others
    are measured too before the search ends.

    `shape` is (layers, heads), `keep` and `drop` are places of languages. The budget is in nats, `push` is how many
    nats of kept loss a nat of dropped loss is worth, and at most `most` heads go. With `candidates=None` all heads are
    measured at each step.
    """
    removed = np.zeros(shape, dtype=bool)
    losses = measured(np.ones((1, *shape)))[0]
    start = losses[keep].mean()
    last = np.full(shape, -np.inf)  # cost when it was last measured
    while removed.sum() < most:
        left = np.argwhere(~removed)
        left = left[np.argsort(last[left[:, 0], left[:, 1]], kind="stable")]
        width = len(left) if candidates is None or not removed.any() else candidates
        best, cells = None, 0
        for begin in range(0, len(left), width):
            part = left[begin : begin + width]
            scales = np.ones((len(part), *shape)) * ~removed
            scales[np.arange(len(part)), part[:, 0], part[:, 1]] = 0
            means = measured(scales)
            cells += len(part)
            rise = means[:, keep].mean(1) - start
            cost = rise - (push * means[:, drop].mean(1) if drop else 0.0)
            last[part[:, 0], part[:, 1]] = cost
            within = np.where(rise <= budget, cost, np.inf)
            if np.isfinite(within).any():
                choice = int(within.argmin())
                best = (int(part[choice, 0]), int(part[choice, 1])), float(rise[choice])
                break
        if best is None:
            return
        removed[best[0]] = True
        yield Step(best[0], best[1], cells)
