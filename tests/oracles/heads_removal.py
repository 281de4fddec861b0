"""Shapley values from all orders, and greedy removal, by plain loops over one mask at a time."""

import itertools

import numpy as np

from tests.oracles.heads_knockout import scaled_loss


def mean_loss(module, texts, scales):
    return float(np.mean([scaled_loss(module, ids, scales) for ids in texts]))


def shapley(module, texts, players, shape):
    """{player: mean over all orders of what it adds to -loss}."""
    worth = {}
    for chosen in itertools.chain.from_iterable(itertools.combinations(players, n) for n in range(len(players) + 1)):
        scales = np.ones(shape)
        for player in players:
            scales[player] = player in chosen
        worth[frozenset(chosen)] = -mean_loss(module, texts, scales)
    values = dict.fromkeys(players, 0.0)
    orders = list(itertools.permutations(players))
    for order in orders:
        for i, player in enumerate(order):
            values[player] += worth[frozenset(order[: i + 1])] - worth[frozenset(order[:i])]
    return {player: value / len(orders) for player, value in values.items()}


def greedy(module, keep, drop, shape, budget, push):
    """[(head, rise of the kept)], keep and drop {language: texts}; all heads measured at each step."""
    scales = np.ones(shape)

    def losses(scales):
        kept = np.mean([mean_loss(module, texts, scales) for texts in keep.values()])
        dropped = np.mean([mean_loss(module, texts, scales) for texts in drop.values()]) if drop else 0.0
        return kept, dropped

    start, _ = losses(scales)
    steps = []
    while True:
        best = None
        for cell in np.ndindex(shape):
            if scales[cell] == 0:
                continue
            scales[cell] = 0
            kept, dropped = losses(scales)
            scales[cell] = 1
            cost = kept - start - push * dropped
            if kept - start <= budget and (best is None or cost < best[0]):
                best = cost, cell, kept - start
        if best is None or (scales == 0).sum() == scales.size - 1:
            return steps
        scales[best[1]] = 0
        steps.append((best[1], best[2]))
