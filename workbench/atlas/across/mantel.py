"""Partial Mantel test: whether languages that are alike in one thing are alike in another, at like values of a third.

Pairs of languages are no independent samples, since each language is in many of them. So languages are permuted for the
p-value, and left out in turn (delete-one jackknife) for the interval.
"""

import numpy as np
from scipy import stats

_MOST = 1 - 1e-12  # of a correlation that goes through Fisher's z


def upper(matrix: np.ndarray) -> np.ndarray:
    """The cells above the diagonal, [pair]."""
    return matrix[np.triu_indices(len(matrix), 1)]


def partial_correlation(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Correlation of two variables, [..., pair], without what each shares linearly with a third.

    NaN where one does not vary, or where the third determines one of them.
    """
    between, with_first, with_second = (
        _correlation(a, b) for a, b in ((first, second), (first, third), (second, third))
    )
    left = (1 - with_first**2) * (1 - with_second**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (between - with_first * with_second) / np.sqrt(left)
    return np.where(left > 1e-12, np.clip(values, -1, 1), np.nan)


def permuted_p(likeness: np.ndarray, same: np.ndarray, other: np.ndarray, permutations: int, seed: int) -> float:
    """Two-sided p-value: the languages of `likeness` are permuted (Smouse, Long and Sokal 1986).

    Args:
        likeness: how alike two languages are, [language, language].
        same: in what it is tested to follow, [language, language].
        other: what is taken out, [language, language].
        permutations: of the languages.
        seed: of the permutations.
    """
    count = len(likeness)
    orders = np.argsort(np.random.default_rng(seed).random((permutations, count)), axis=1)
    rows, columns = np.triu_indices(count, 1)
    drawn = likeness[orders[:, rows], orders[:, columns]]
    observed = abs(partial_correlation(upper(likeness), upper(same), upper(other)))
    values = np.abs(partial_correlation(drawn, upper(same), upper(other)))
    return float((1 + (values >= observed - 1e-12).sum()) / (1 + permutations))


def jackknife(likeness: np.ndarray, same: np.ndarray, other: np.ndarray, level: float) -> tuple[float, float]:
    """Interval of the partial correlation: each language is left out in turn, on the scale of Fisher's z.

    NaN where a correlation without one language does not exist.
    """
    count = len(likeness)
    without = []
    for left_out in range(count):
        rest = np.delete(np.arange(count), left_out)
        without.append(
            float(partial_correlation(*(upper(part[np.ix_(rest, rest)]) for part in (likeness, same, other))))
        )
    whole = float(partial_correlation(upper(likeness), upper(same), upper(other)))
    centre, values = (np.arctanh(np.clip(value, -_MOST, _MOST)) for value in (whole, np.array(without)))
    error = np.sqrt((count - 1) / count * ((values - values.mean()) ** 2).sum())
    reach = stats.t.ppf((1 + level) / 2, count - 1) * error
    return float(np.tanh(centre - reach)), float(np.tanh(centre + reach))


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's correlation along the last axis; NaN where one does not vary."""
    a, b = (values - values.mean(-1, keepdims=True) for values in (first, second))
    size = np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 1e-12, (a * b).sum(-1) / size, np.nan)
