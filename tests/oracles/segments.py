"""Piecewise-constant fits by trying every set of boundaries."""

from itertools import combinations, pairwise


def squared_error(values: list[float]) -> float:
    """Sum of squared distances from the mean."""
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values)


def best(curves: list[list[float]], parts: int) -> tuple[float, tuple[int, ...]]:
    """(error, first layer of each part) of the best fit; of equal ones, that with the earliest last boundary first."""
    layers = len(curves[0])
    found = []
    for inner in combinations(range(1, layers), parts - 1):
        edges = (0, *inner, layers)
        error = sum(squared_error(curve[start:end]) for curve in curves for start, end in pairwise(edges))
        found.append((round(error, 10), tuple(reversed(edges[:-1]))))
    error, backwards = min(found)
    return error, tuple(reversed(backwards))
