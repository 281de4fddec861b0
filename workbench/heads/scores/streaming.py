"""Streaming: bootstrap and t-test over texts whose numbers are summed one by one, not stored."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from workbench.results.statistics import cluster_p
from workbench.text.batches import Encoded

DRAWS = 400


def weights(seed: int, language: str, ids: Sequence[int]) -> np.ndarray:
    """How often each draw takes this text: [draw] counts, Poisson with mean 1.

    With many texts that is the bootstrap (Chamandy et al. 2012), and it can be summed text by text. The counts depend
    on the seed and the text alone, so neither order nor batches matter.
    """
    key = zlib.crc32(f"{language} {' '.join(map(str, ids))}".encode())
    return np.random.default_rng([seed, key]).poisson(1.0, DRAWS).astype(np.float64)


def forms(encoded: Sequence[Encoded], place: dict[str, int], clusters: np.ndarray) -> dict[tuple[str, int], list[int]]:
    """The token ids that stand for a text in `weights`, by (language, row): of repeated texts, the least."""

    def cluster(text: Encoded) -> tuple[str, int]:
        return text.language, int(clusters[place[text.language], text.row])

    least: dict[tuple[str, int], list[int]] = {}
    for text in encoded:
        least[cluster(text)] = min(least.get(cluster(text), text.ids), text.ids)
    return {(text.language, text.row): least[cluster(text)] for text in encoded}


class Squares:
    """Sums over clusters of texts that a t-test needs, [language, ...cells].

    A cluster's own sum stays in memory only until its last text was added. `clusters` [language, sample] are -1 where
    there is no text.
    """

    def __init__(self, clusters: np.ndarray, shape: tuple[int, ...]):
        self.clusters = clusters
        self.sizes = [np.bincount(own[own >= 0]) for own in clusters]
        self.total, self.squares, self.crossed = (np.zeros((len(clusters), *shape)) for _ in range(3))
        self._begun: dict[tuple[int, int], tuple[np.ndarray, int]] = {}

    def add(self, language: int, row: int, values: np.ndarray) -> None:
        """Add one text's values [...cells]."""
        self.total[language] += values
        cluster = int(self.clusters[language, row])
        size = int(self.sizes[language][cluster])
        if size > 1:
            before, seen = self._begun.pop((language, cluster), (0.0, 0))
            values = before + values
            if seen + 1 < size:
                self._begun[language, cluster] = (values, seen + 1)
                return
        self.squares[language] += values**2
        self.crossed[language] += size * values

    def state(self) -> dict[str, Any]:
        """What texts add to, in place."""
        return {"total": self.total, "squares": self.squares, "crossed": self.crossed, "begun": self}

    def get_state(self) -> np.ndarray:
        """The clusters that are not complete: a row each, [language, cluster, texts seen, ...cells]."""
        width = 3 + self.total[0].size
        rows = [[*key, seen, *values.ravel()] for key, (values, seen) in self._begun.items()]
        return np.array(rows, dtype=np.float64).reshape(-1, width)

    def set_state(self, rows: np.ndarray) -> None:
        """Continue from such rows."""
        shape = self.total.shape[1:]
        self._begun = {(int(row[0]), int(row[1])): (np.array(row[3:]).reshape(shape), int(row[2])) for row in rows}

    def p_value(self) -> np.ndarray:
        """The test of each cell, once every text was added: of texts, or of clusters where texts repeat."""
        p_values = spread_p(self.total, self.squares, np.array([sizes.sum() for sizes in self.sizes]))
        for k, sizes in enumerate(self.sizes):
            if len(sizes) < 2:
                p_values[k] = np.nan
            elif sizes.max() > 1:
                p = cluster_p(self.total[k], self.squares[k], self.crossed[k], sizes)
                p_values[k] = np.where(self.squares[k] == 0, 1.0, p)
        return p_values


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
