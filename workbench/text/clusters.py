"""Clusters of repeated texts, each one piece of evidence; numbered from 0 in order of first appearance."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.text.characters import plain


def numbered(values: Iterable[Hashable]) -> np.ndarray:
    """The index of each value among the distinct ones, in order of first appearance: [value] int."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)


def text_clusters(texts: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Clusters of equal texts of each language, compared with `characters.plain`: [language, sample]; -1: no text."""
    clusters = np.full((len(texts), max(map(len, texts.values()))), -1, dtype=np.int64)
    for k, rows in enumerate(texts.values()):
        clusters[k, : len(rows)] = numbered(map(plain, rows))
    return clusters


def word_clusters(frame: pd.DataFrame, concepts: Iterable[str] | None = None) -> np.ndarray:
    """Clusters of concepts whose words are equal in every language of a word list, [concept]; all rows when None."""
    own = numbered(tuple(plain(str(word)) for word in row) for row in frame.to_numpy().tolist())
    if concepts is None:
        return own
    place = dict(zip(map(str, frame.index), own.tolist(), strict=True))
    return np.array([place[concept] for concept in concepts], dtype=np.int64)


def joined(clusters: np.ndarray) -> np.ndarray:
    """Clusters of rows that are equal in any language, [row], from the clusters of each language, [language, row].

    Equality is transitive: if row 0 repeats row 1 in German and row 1 repeats row 2 in French, all three are one.
    """
    least = np.arange(clusters.shape[1])
    while True:
        before = least
        for labels in clusters:
            lowest = np.full(labels.max() + 1, len(labels))
            np.minimum.at(lowest, labels, least)
            least = lowest[labels]
        if (least == before).all():
            return numbered(least.tolist())


def pooled(clusters: np.ndarray, *, aligned: bool) -> np.ndarray:
    """Clusters over all languages: [row] of an aligned corpus, else [language * sample], concatenated."""
    if aligned:
        return joined(clusters)
    beyond = clusters.max() + 1
    return np.where(clusters < 0, -1, clusters + beyond * np.arange(len(clusters))[:, None]).ravel()


def repeats_record(clusters: np.ndarray, languages: Sequence[str]) -> dict[str, list[list[int]]]:
    """Repeated texts for the provenance: by language, pairs of a later row and the first row that it repeats."""
    repeated: dict[str, list[list[int]]] = {}
    for language, labels in zip(languages, clusters, strict=True):
        rows = labels[labels >= 0]
        first = np.unique(rows, return_index=True)[1][rows]
        later = np.flatnonzero(first != np.arange(len(rows)))
        if len(later):
            repeated[language] = np.stack([later, first[later]], 1).tolist()
    return repeated


def recorded_clusters(
    info: Mapping[str, Any] | None, languages: Sequence[str], rows: Sequence[int], *, joint: bool
) -> np.ndarray | None:
    """Clusters [language, sample] as recorded by `Corpus.info`, or None if it records no repeats.

    Args:
        info: the corpus entry of a Result's provenance.
        languages: languages of the Result.
        rows: row numbers of its samples.
        joint: join the rows of an aligned corpus over these languages.
    """
    same = (info or {}).get("same_as") or {}
    if not any(language in same for language in languages):
        return None
    table = np.tile(np.asarray(rows, dtype=np.int64), (len(languages), 1))
    for labels, language in zip(table, languages, strict=True):
        first = dict(same.get(language, []))
        labels[:] = numbered([first.get(row, row) for row in labels.tolist()])
    return np.broadcast_to(joined(table), table.shape) if joint and (info or {}).get("aligned") else table
