"""Studies of heads one by one, as tables: how scores agree, the top heads, fair shares, and where heads look."""

from typing import Any

import pandas as pd

from workbench.errors import BadArgument
from workbench.heads import agreement, kinds, search, shapley
from workbench.heads.agreement import METHODS
from workbench.studies.options import Options

_LOOKS = ("previous", "first", "current", "same", "induction", "entropy", "distance")


def search_table(
    model: Any,
    corpus: Any,
    *,
    top: int = 20,
    confidence: float = 0.99,
    first: int = 8,
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
    texts = options.corpus(corpus, languages=languages, limit=limit)
    found = search(options.load(model), texts, top=top, confidence=confidence, first=first, **options.texts)
    rows = found.to_dataframe()
    table = _by_language(rows[rows.pop("member")].reset_index(), "mean", texts.languages)
    table.attrs = {name: found.attrs[name] for name in ("spent", "confidence")}
    return table


def agreement_table(
    model: Any,
    corpus: Any,
    *,
    methods: str | None = None,
    reference: str = "zero",
    top: float = 0.1,
    languages: str | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """How well each score names the heads that another one names, means over languages.

    Args:
        model: what `load_model` takes.
        corpus: what `load_corpus` takes.
        methods: of `agreement`, with commas; all when None.
        reference: what the others are compared with.
        top: share of heads that counts as the strongest.
        languages: to keep; all when None.
        limit: first texts to keep of each language.
        options: how to compute.

    Returns:
        A row for each score but the reference: rank correlation and overlap of the strongest, each with its interval.
        The frame's `attrs` hold `chance`, the overlap of random scores.

    Raises:
        BadArgument: an unknown method, or the reference is not among them.
    """
    options = options or Options()
    names = METHODS if methods is None else tuple(one.strip() for one in methods.split(","))
    if reference not in names:
        raise BadArgument(f"reference {reference!r} is not among the methods ({', '.join(names)})")
    texts = options.corpus(corpus, languages=languages, limit=limit)
    found = agreement(options.load(model), texts, methods=names, top=top, **options.texts)
    columns = [f"mean_{one}{end}" for one in ("correlation", "overlap") for end in ("", "_low", "_high")]
    rows = found[columns].sel(other=reference, drop=True).drop_sel(score=reference)
    table = rows.to_dataframe().rename(columns=lambda one: one.removeprefix("mean_")).reset_index().round(4)
    table.attrs = {"chance": found.attrs["chance"]}
    return table


def shapley_table(
    model: Any,
    corpus: Any,
    *,
    permutations: int = 20,
    tolerance: float = 0.01,
    languages: str | None = None,
    limit: int | None = None,
    options: Options | None = None,
) -> pd.DataFrame:
    """Each head's Shapley value with its standard error: a row for each language and head, largest first.

    The frame's `attrs` hold `permutations`, the orders that were run.
    """
    options = options or Options()
    texts = options.corpus(corpus, languages=languages, limit=limit)
    found = shapley(options.load(model), texts, permutations=permutations, tolerance=tolerance, **options.texts)
    rows = found[["value", "standard_error", "low", "high"]].to_dataframe().reset_index()
    table = _by_language(rows, "value", texts.languages)
    table.attrs = {"permutations": found.attrs["permutations"]}
    return table


def _by_language(rows: pd.DataFrame, column: str, languages: tuple[str, ...]) -> pd.DataFrame:
    """The largest first, language by language."""
    order = {language: i for i, language in enumerate(languages)}
    rows = rows.sort_values(column, ascending=False).sort_values(
        "language", key=lambda one: one.map(order), kind="stable"
    )
    return rows.reset_index(drop=True).round(4)


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
    texts = options.corpus(corpus, languages=languages, limit=limit)
    found = kinds(options.load(model), texts, **options.texts)
    return found[list(_LOOKS)].to_dataframe().reset_index().round(4)
