"""Order: texts sorted by what they say, so that a bootstrap does not see how a corpus was sorted."""

import numpy as np

from workbench.text.corpus import Corpus


def text_order(corpus: Corpus, *, joint: bool) -> list[np.ndarray]:
    """For each language the order of its rows by text.

    Args:
        corpus: the texts.
        joint: rows of an aligned corpus stay together: every language has the order of the rows' texts in all
            languages. Needed wherever one draw serves several languages at once, as in a contrast of them. Without it
            each language has the order of its own texts, so that its intervals are the same whatever languages, aligned
            or not, stand beside it.
    """
    if joint and corpus.aligned:
        rows = list(zip(*(corpus.texts[language] for language in sorted(corpus.languages)), strict=True))
        order = np.array(sorted(range(len(rows)), key=rows.__getitem__), dtype=int)
        return [order] * len(corpus.languages)
    return [np.argsort(np.array(texts, dtype=object), kind="stable") for texts in corpus.texts.values()]


def sort_texts(corpus: Corpus, samples: np.ndarray, *, joint: bool = True, axis: int = -2) -> np.ndarray:
    """Samples [..., language, sample, ...], languages along `axis`, with each language's texts in `text_order`."""
    found = samples.copy()
    given, placed = (np.moveaxis(values, (axis, axis + 1), (0, 1)) for values in (samples, found))  # views
    for k, order in enumerate(text_order(corpus, joint=joint)):
        placed[k, : len(order)] = given[k, order]
    return found
