"""Agreement of two language identifiers on the same texts."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, BadCorpus
from workbench.results.make import make_result
from workbench.results.statistics import interval
from workbench.text.characters import plain
from workbench.text.clusters import numbered
from workbench.text.corpus import Corpus
from workbench.text.identification.answers import Identifier, answer_matcher, identified, standard
from workbench.text.identification.identify import by_lingua, by_trigrams
from workbench.text.readers import load_corpus

NONE = "none"  # label of texts identified as no known language


@checked
def compare_identifiers(
    texts: Corpus | Sequence[str],
    identifiers: Mapping[str, Identifier] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Compare two language identifiers on the same texts.

    Args:
        texts: a corpus, or texts of any languages.
        identifiers: two identifiers by name; `by_trigrams` of the shipped sentences and `by_lingua` (the extra
            `identify`) with the same languages when None.

    Returns:
        `texts[NAME, NAME]`, the number of texts by the answer of the first (row) and second (column) identifier, "none"
        where it identifies no known language; `unidentified[identifier]`, the number of texts without a language.
        Attributes `agreement`, the share of texts with the same answer, with `agreement_low` and `agreement_high`
        (bootstrap over distinct texts; over rows of an aligned corpus), `n_texts`, and `n_distinct` if texts are
        repeated.

    Raises:
        BadArgument: not two identifiers with names, or `level` out of range.
        BadCorpus: no text.
        UnsupportedSite: lingua is not installed.

    Example:
        >>> found = compare_identifiers(corpus)                                                  # doctest: +SKIP
        >>> wb.figures.matrix(found, "texts")                                                    # doctest: +SKIP
    """
    rows = _rows(texts)
    if identifiers is None:
        known = load_corpus("parallel")
        identifiers = {"trigrams": by_trigrams(known), "lingua": by_lingua(known.languages)}
    names = list(identifiers)
    taken = {"identifier", "texts", "unidentified"}
    if len(names) != 2 or not all(isinstance(name, str) and name not in taken for name in names):
        raise BadArgument(f"identifiers={identifiers!r}; give two by name, such as {{'trigrams': ..., 'lingua': ...}}")
    answers = np.array(_answers(texts, [text for text, _ in rows], [identifiers[name] for name in names]))
    labels = [*sorted(set(answers.ravel().tolist()) - {NONE}), NONE]
    counts = np.array([[int(((answers[0] == a) & (answers[1] == b)).sum()) for b in labels] for a in labels])
    same = (answers[0] == answers[1]).astype(float)
    groups = np.array([group for _, group in rows])
    units = np.array([same[groups == group].mean() for group in np.unique(groups)])
    low, high = interval(units, level=level, seed=seed, clusters=_clusters(texts, rows))
    result = make_result(
        {
            "texts": (tuple(names), counts, "texts by the answers of both identifiers [texts]"),
            "unidentified": (("identifier",), (answers == NONE).sum(1), "texts in no language that it knows [texts]"),
        },
        {**dict.fromkeys(names, labels), "identifier": names},
        method="compare_identifiers",
        parameters={"identifiers": names, "level": level},
        corpus=texts.info if isinstance(texts, Corpus) else {"source": "texts", "counts": {"texts": len(rows)}},
        seed=seed,
        attrs={
            "agreement": float(same.mean()),
            "agreement_low": float(low),
            "agreement_high": float(high),
            "n_texts": len(rows),
            **({"n_distinct": distinct} if (distinct := len({plain(text) for text, _ in rows})) < len(rows) else {}),
        },
    )
    result["texts"].attrs["question"] = "Where do two identifiers put the same texts?"
    return result


def _answers(texts: Corpus | Sequence[str], rows: list[str], identifiers: list[Identifier]) -> list[list[str]]:
    """Answers of each identifier, spelled as in the corpus, or else as the other identifier's: 'zh' for 'zh-Hant'."""
    given = [identified(identify, rows) for identify in identifiers]
    own = [
        [*getattr(identify, "languages", ()), *filter(None, set(codes))]
        for identify, codes in zip(identifiers, given, strict=True)
    ]
    if isinstance(texts, Corpus):
        answers = [
            answer_matcher(texts.languages, languages)(codes) for languages, codes in zip(own, given, strict=True)
        ]
    else:
        first = answer_matcher(_forms(given[1]), own[0])(given[0])
        answers = [first, answer_matcher(_forms(first), own[1])(given[1])]
    spelled = {standard(code): code for code in texts.languages} if isinstance(texts, Corpus) else {}
    return [[spelled.get(standard(code), standard(code)) if code else NONE for code in codes] for codes in answers]


def _forms(codes: list[str | None]) -> list[str]:
    return sorted({standard(code) for code in codes if code})


def _clusters(texts: Corpus | Sequence[str], rows: list[tuple[str, int]]) -> np.ndarray:
    """Clusters of the rows, which the bootstrap draws together."""
    if isinstance(texts, Corpus) and texts.aligned:
        return texts.row_clusters[0]
    return numbered(plain(text) for text, _ in rows)


def _rows(texts: Corpus | Sequence[str]) -> list[tuple[str, int]]:
    """Texts with a row number; translations of one another have the same number."""
    if isinstance(texts, Corpus):
        rows = [(text, row) for part in texts.texts.values() for row, text in enumerate(part)]
        return rows if texts.aligned else [(text, number) for number, (text, _) in enumerate(rows)]
    if isinstance(texts, str) or not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise BadArgument(f"texts are a corpus or a list of texts, not {type(texts).__name__}")
    if not texts:
        raise BadCorpus("there is no text to identify")
    return [(text, number) for number, text in enumerate(texts)]
