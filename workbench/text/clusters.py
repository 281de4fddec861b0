"""Clusters: which texts are one text given again, and so one piece of evidence; numbers from 0 in order of coming."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.text.characters import plain


def numbered(values: Iterable[Hashable]) -> np.ndarray:
    """The number of each value among the distinct ones, in the order in which they first come: [value] int."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)


def text_clusters(texts: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Texts of one language that say the same, read with `characters.plain`: [language, sample]; -1 where none is."""
    found = np.full((len(texts), max(map(len, texts.values()))), -1, dtype=np.int64)
    for k, rows in enumerate(texts.values()):
        found[k, : len(rows)] = numbered(map(plain, rows))
    return found


def word_clusters(frame: pd.DataFrame, concepts: Iterable[str] | None = None) -> np.ndarray:
    """Concepts whose words are the same in every language of a word list, [concept]; all of its rows when None."""
    own = numbered(tuple(plain(str(word)) for word in row) for row in frame.to_numpy().tolist())
    if concepts is None:
        return own
    place = dict(zip(map(str, frame.index), own.tolist(), strict=True))
    return np.array([place[concept] for concept in concepts], dtype=np.int64)


def joined(clusters: np.ndarray) -> np.ndarray:
    """Rows that say the same in any language, [row], from the clusters of each language, [language, row].

    Rows are connected: where row 0 repeats row 1 in German and row 1 repeats row 2 in French, all three are one.
    """
    least = np.arange(clusters.shape[1])
    while True:
        before = least
        for one in clusters:
            lowest = np.full(one.max() + 1, len(one))
            np.minimum.at(lowest, one, least)
            least = lowest[one]
        if (least == before).all():
            return numbered(least.tolist())


def pooled(clusters: np.ndarray, *, aligned: bool) -> np.ndarray:
    """Clusters of languages taken together: [row] of an aligned corpus, else [language * sample], one after another."""
    if aligned:
        return joined(clusters)
    beyond = clusters.max() + 1
    return np.where(clusters < 0, -1, clusters + beyond * np.arange(len(clusters))[:, None]).ravel()


def repeats_record(clusters: np.ndarray, languages: Sequence[str]) -> dict[str, list[list[int]]]:
    """What a provenance needs to know of repeated texts: by language, each later row with the first that it repeats."""
    found: dict[str, list[list[int]]] = {}
    for language, one in zip(languages, clusters, strict=True):
        rows = one[one >= 0]
        first = np.unique(rows, return_index=True)[1][rows]
        later = np.flatnonzero(first != np.arange(len(rows)))
        if len(later):
            found[language] = np.stack([later, first[later]], 1).tolist()
    return found


def recorded_clusters(
    info: Mapping[str, Any] | None, languages: Sequence[str], rows: Sequence[int], *, joint: bool
) -> np.ndarray | None:
    """Clusters [language, sample] as `Corpus.info` recorded them, or None where it says of no repeat.

    Args:
        info: what a Result's provenance says of its corpus.
        languages: of the Result.
        rows: the numbers of its samples.
        joint: join an aligned corpus's rows over these languages.
    """
    same = (info or {}).get("same_as") or {}
    if not any(language in same for language in languages):
        return None
    table = np.tile(np.asarray(rows, dtype=np.int64), (len(languages), 1))
    for one, language in zip(table, languages, strict=True):
        first = dict(same.get(language, []))
        one[:] = numbered([first.get(row, row) for row in one.tolist()])
    return np.broadcast_to(joined(table), table.shape) if joint and (info or {}).get("aligned") else table
