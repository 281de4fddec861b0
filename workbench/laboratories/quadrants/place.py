"""Quadrants: whether training on one pair of languages helps the pair, the others, both or neither."""

from collections.abc import Sequence

import numpy as np

NAMES = {(1, 1): "reciprocal", (-1, 1): "altruistic", (1, -1): "selfish", (-1, -1): "stagnant"}
UNDECIDED = "undecided"
NOT_MEASURED = "not measured"
Ends = Sequence[np.ndarray] | np.ndarray
"""Lower and upper ends of an interval, each [...cells]."""


def quadrants(
    bilingual: Ends,
    multilingual: Ends,
    bilingual_by_seed: np.ndarray | None = None,
    multilingual_by_seed: np.ndarray | None = None,
) -> np.ndarray:
    """Place gains in quadrants: reciprocal (+, +), altruistic (-, +), selfish (+, -), stagnant (-, -), or undecided.

    The first sign is of the bilingual gain, of the trained pair; the second of the multilingual one, of the others.

    Args:
        bilingual: ends of the interval of the gain, above 0 where the pair became better.
        multilingual: the same of the other pairs.
        bilingual_by_seed: gains in each seed, [seed, ...cells]; a sign that is not that of every seed is undecided.
        multilingual_by_seed: the same of the other pairs.

    Returns:
        Names, [...cells]: undecided where an interval covers 0; not measured where a gain is NaN.

    Source:
        Yuan et al. 2023 (arXiv 2311.09071); "undecided" is ours.
    """
    first, second = sign(bilingual, bilingual_by_seed), sign(multilingual, multilingual_by_seed)
    missing = np.isnan(np.stack([*bilingual, *multilingual])).any(0)
    names = np.full(first.shape, UNDECIDED, dtype="U12")
    for (left, right), name in NAMES.items():
        names[(first == left) & (second == right)] = name
    names[missing] = NOT_MEASURED
    return names


def sign(ends: Ends, by_seed: np.ndarray | None = None) -> np.ndarray:
    """1 or -1 where an interval lies on one side of 0 and every seed has that sign, else 0: [...cells]."""
    low, high = (np.asarray(end, dtype=float) for end in ends)
    signs = (low > 0).astype(int) - (high < 0).astype(int)
    if by_seed is not None:
        signs = np.where((np.sign(by_seed) == signs).all(0), signs, 0)
    return signs
