"""Streaming: bootstrap and t-test over texts whose numbers are summed one by one and never kept."""

import zlib
from collections.abc import Sequence

import numpy as np
from scipy import stats

DRAWS = 400


def weights(seed: int, language: str, ids: Sequence[int]) -> np.ndarray:
    """How often each draw takes this text: [draw] counts, Poisson with mean 1.

    With many texts that is the bootstrap (Chamandy et al. 2012), and it can be summed text by text. The counts depend
    on the seed and the text alone, so neither order nor batches matter.
    """
    key = zlib.crc32(f"{language} {' '.join(map(str, ids))}".encode())
    return np.random.default_rng([seed, key]).poisson(1.0, DRAWS).astype(np.float64)


def spread_p(total: np.ndarray, squares: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Two-sided one-sample t-test that the mean is 0, from sums: [language, ...cells] with count [language].

    NaN with fewer than two samples; 1 where every sample is 0.
    """
    n = count.reshape(-1, *[1] * (total.ndim - 1)).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        variance = np.maximum(squares - n * mean**2, 0) / (n - 1)
        p = 2 * stats.t.sf(np.abs(mean) / np.sqrt(variance / n), np.maximum(n - 1, 1))
    p = np.where(squares == 0, 1.0, p)
    return np.where(n < 2, np.nan, p)
