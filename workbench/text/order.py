"""Canonical order of texts, so that a bootstrap does not depend on the order of the corpus."""

import numpy as np

from workbench.text.corpus import Corpus


def text_order(corpus: Corpus, *, joint: bool) -> list[np.ndarray]:
    """For each language the order of its rows by text.

    Args:
        corpus: the texts.
        joint: keep rows of an aligned corpus together: every language has the order of the rows' texts in all
            languages. Required if one draw serves several languages at once, as in a contrast of them. Otherwise each
            language has the order of its own texts, so that its intervals do not depend on the other languages.
    """
    if joint and corpus.aligned:
        rows = list(zip(*(corpus.texts[language] for language in sorted(corpus.languages)), strict=True))
        order = np.array(sorted(range(len(rows)), key=rows.__getitem__), dtype=int)
        return [order] * len(corpus.languages)
    return [np.argsort(np.array(texts, dtype=object), kind="stable") for texts in corpus.texts.values()]


def sort_texts(corpus: Corpus, samples: np.ndarray, *, joint: bool = True, axis: int = -2) -> np.ndarray:
    """Samples [..., language, sample, ...], languages along `axis`, with each language's texts in `text_order`."""
    ordered = samples.copy()
    given, placed = (np.moveaxis(values, (axis, axis + 1), (0, 1)) for values in (samples, ordered))  # views
    for k, order in enumerate(text_order(corpus, joint=joint)):
        placed[k, : len(order)] = given[k, order]
    return ordered
