"""Plain loops, from the definitions, for what `planted.score` computes."""


def average_precision(truth, score):
    """Threshold after threshold, from the highest score down: precision there times the recall that it adds."""
    total, before = 0.0, 0.0
    for bar in sorted(set(score), reverse=True):
        chosen = [real for real, value in zip(truth, score, strict=True) if value >= bar]
        recall = sum(chosen) / sum(truth)
        total += (recall - before) * sum(chosen) / len(chosen)
        before = recall
    return total


def expected_top(truth, score, count):
    """Share of true cells in the top `count`, ties broken in every possible way: a mean over their places."""
    bar = sorted(score, reverse=True)[count - 1]
    above = sum(real for real, value in zip(truth, score, strict=True) if value > bar)
    tied = [real for real, value in zip(truth, score, strict=True) if value == bar]
    left = count - sum(value > bar for value in score)
    return (above + left * sum(tied) / len(tied)) / count


def shapley(value, players):
    """Exact Shapley values of a function of frozensets, by all subsets."""
    from itertools import combinations
    from math import factorial

    n = len(players)
    found = {}
    for player in players:
        others = [one for one in players if one != player]
        total = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for group in combinations(others, size):
                total += weight * (value(frozenset({*group, player})) - value(frozenset(group)))
        found[player] = total
    return found
