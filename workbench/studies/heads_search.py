"""Studies of heads one by one, as tables: the search for the top heads, and where heads look."""

from typing import Any

import pandas as pd

from workbench.heads import kinds, search
from workbench.studies.options import Options, codes
from workbench.text.readers import load_corpus

_LOOKS = ("previous", "first", "current", "same", "induction", "entropy", "distance")


def search_table(
    model: Any,
    corpus: Any,
    *,
    top: int = 20,
    confidence: float = 0.99,
    first: int = 32,
    languages: str | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """The top heads of every language, strongest first.

    Returns:
        A row for each language and head of its set: change of the loss, its interval, and texts measured. The frame's
        `attrs` hold `spent`, the share of the full sweep, and `confidence`.
    """
    options = options or Options()
    texts = load_corpus(corpus, languages=codes(languages), limit=limit)
    found = search(options.load(model), texts, top=top, confidence=confidence, first=first, **options.texts)
    rows = found.to_dataframe()
    rows = rows[rows.pop("member")].reset_index()
    order = {language: i for i, language in enumerate(texts.languages)}
    rows = rows.sort_values("mean", ascending=False).sort_values(
        "language", key=lambda one: one.map(order), kind="stable"
    )
    table = rows.reset_index(drop=True).round(4)
    table.attrs = {name: found.attrs[name] for name in ("spent", "confidence")}
    return table


def kinds_table(
    model: Any,
    corpus: Any,
    *,
    languages: str | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """Where each head looks: a row for each language and head, with each measure; intervals are in the Result."""
    options = options or Options()
    texts = load_corpus(corpus, languages=codes(languages), limit=limit)
    found = kinds(options.load(model), texts, **options.texts)
    return found[list(_LOOKS)].to_dataframe().reset_index().round(4)
