"""Catoni's interval: the mean of a finite set from a part of it, of any range, for a known variance."""

import numpy as np

_BETS = np.array([0.5, 0.9, 1.6])  # of a standard deviation's inverse: best at about 80, 25 and 8 samples
_HALVINGS = 8  # an end is at most a 200th of its distance from the centre too far out


def catoni(values: np.ndarray, samples: int, variance: np.ndarray, log_risk: float) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the mean over all samples, [cell] each, from the values of some, drawn without replacement.

    A bet against "the mean is m" multiplies its capital by exp(phi(b (x - m)) - b^2 variance / 2) at each x, where
    phi(y) = log(1 + y + y^2 / 2) for y > 0, else -phi(-y), grows so slowly that one large value cannot win it. m moves
    with what was already drawn. If m is true and no remaining texts have a larger variance, the capital is expected not
    to grow, so it ever reaches 1 / risk with probability `risk` at most (Ville); where it has, m is rejected.

    Values [cell, sample so far] are in the order in which they were drawn, of so many samples in all; `variance` [cell]
    is an upper bound for a sample, and `log_risk` is log(2 / probability) that a cell's interval ever misses its mean.

    Source:
        Catoni 2012 (arXiv 1009.2048); at all times, Wang and Ramdas 2023 (arXiv 2202.01250); without replacement,
        Waudby-Smith and Ramdas 2020 (arXiv 2006.04347).
    """
    seen = values.shape[1]
    before = np.cumsum(values, 1) - values
    left = samples - np.arange(seen)
    spread = np.sqrt(variance)
    moves = spread > 0
    bets = _BETS[:, None] * np.divide(1, spread, out=np.zeros_like(spread), where=moves)
    sides = np.array([1, -1])  # bets that values lie above, which refute means that are too low; and below
    centre = values.mean(1)

    def refuted(far: np.ndarray) -> np.ndarray:
        """Whether the means so far below and above the centre [side, cell] are rejected, [side, cell] bool."""
        mean = centre - sides[:, None] * far
        y = (values - (samples * mean[..., None] - before) / left)[:, None] * (sides[:, None, None] * bets)[..., None]
        size = np.abs(y)
        capital = (np.sign(y) * np.log1p(size + size**2 / 2)).sum(3) - seen * _BETS[:, None] ** 2 / 2
        return np.logaddexp.reduce(capital, 1) - np.log(len(_BETS)) >= log_risk

    inner, outer = np.zeros((2, len(values))), np.tile(spread, (2, 1))
    while (open_ := moves & ~refuted(outer)).any():
        inner, outer = np.where(open_, outer, inner), np.where(open_, 2 * outer, outer)
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        out = refuted(middle)
        inner, outer = np.where(out, inner, middle), np.where(out, middle, outer)
    return centre - outer[0], centre + outer[1]
