"""Studies of heads one by one: how scores agree, the top heads, Shapley values, and what heads attend to."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from workbench import figures
from workbench.arguments import finite, one_of, whole_number
from workbench.errors import BadArgument
from workbench.heads import agreement, kinds, search, shapley
from workbench.heads.agreement import METHODS
from workbench.studies.analysis import Analysis, Cell, analysis
from workbench.studies.findings import search as findings
from workbench.studies.options import DEFAULTS, Options, common_key, open_model, open_texts
from workbench.studies.report import Section
from workbench.studies.sections import drawing, section

# Measures of `heads.kinds` that are shares of the attention, and the question that each answers.
_SHARES = {
    "previous": "Which heads attend to the previous token?",
    "first": "Which heads attend to the first token?",
    "current": "Which heads attend to the current token itself?",
    "same": "Which heads attend to earlier occurrences of the token?",
    "induction": "Which heads attend to what followed earlier occurrences of the token?",
}


@analysis("heads search")
def run_search(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    top: int = 20,
    confidence: float = 0.99,
    first: int = 8,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Find the heads whose removal costs each language most, without measuring every head on every text.

    Args:
        top: heads of each language.
        confidence: that all languages' sets are those of the full sweep.
        first: texts that every head is measured on.

    Returns:
        The run folder, with `search.nc` and `report.html`.
    """
    whole_number("top", top, at_least=1)
    finite("confidence", confidence, above=0, below=1)
    whole_number("first", first, at_least=2, why="an interval takes at least 2 texts")
    how = {"top": top, "confidence": confidence, "first": first}

    def sections(result: xr.Dataset) -> list[Section]:
        figure = drawing(figures.heatmap, result, "mean", question="Top heads found by search")
        reading = (
            "Each panel is a language, each cell a head: the rise of the loss without it, estimated where not all "
            "texts were measured."
        )
        return [section("search", result, figure, reading=reading, finding=findings.search(result))]

    return _single_cell("Costly heads", "search", search, how, sections, model, corpus, languages, limit, options)


@analysis("heads agreement")
def run_agreement(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    methods: str | None = None,
    reference: str = "zero",
    top: float = 0.1,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Do cheap scores name the heads that exact ablation names? Rank correlation and overlap, with intervals.

    Args:
        methods: of `agreement`, with commas; all when None.
        reference: what the others are compared with.
        top: share of heads that counts as the strongest.

    Returns:
        The run folder, with `agreement.nc` and `report.html`.

    Raises:
        BadArgument: an unknown method, or the reference is not among them.
    """
    names = METHODS if methods is None else tuple(name.strip() for name in methods.split(","))
    for name in names:
        one_of("methods", name, METHODS)
    finite("top", top, above=0, below=1)
    if reference not in names:
        raise BadArgument(f"reference {reference!r} is not among the methods ({', '.join(names)})")

    def sections(result: xr.Dataset) -> list[Section]:
        question = f"Which scores name the same heads as {reference}?"
        figure = drawing(figures.agreement, result, question=question, reference=reference)
        reading = (
            "Each row is a score. Left: the rank correlation of the heads, 1 is the same order. Right: which share of "
            "the strongest heads both name; the dashed line is the overlap of random scores. Whiskers are intervals "
            "over texts."
        )
        finding, table = findings.agreement(result, reference), findings.agreement_table(result, reference)
        return [section("agreement", result, figure, reading=reading, finding=finding, table=table)]

    how = {"methods": names, "top": top}
    return _single_cell(
        "Agreement of scores", "agreement", agreement, how, sections, model, corpus, languages, limit, options
    )


@analysis("heads shapley")
def run_shapley(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    permutations: int = 20,
    tolerance: float = 0.01,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """Each head's Shapley value, its share of what all heads together do for a language, with standard errors.

    Args:
        permutations: random orders of the heads.
        tolerance: an order stops this near to the whole model, in nats.

    Returns:
        The run folder, with `shapley.nc` and `report.html`.
    """
    whole_number("permutations", permutations, at_least=2, why="a standard error takes at least 2 orders")
    finite("tolerance", tolerance, at_least=0)

    def sections(result: xr.Dataset) -> list[Section]:
        question = "What is each head worth together with the others?"
        figure = drawing(figures.heatmap, result, "value", question=question)
        reading = (
            "Each panel is a language, each cell a head: the mean fall of the loss when the head joins others in a "
            "random order. Red heads help, blue ones harm."
        )
        return [section("shapley", result, figure, reading=reading, finding=findings.shapley(result))]

    how = {"permutations": permutations, "tolerance": tolerance}
    return _single_cell(
        "Shapley values of the heads", "shapley", shapley, how, sections, model, corpus, languages, limit, options
    )


@analysis("heads kinds")
def run_kinds(
    model: Any,
    corpus: Any = "parallel",
    *,
    out: str | Path,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    options: Options = DEFAULTS,
) -> Analysis:
    """What each head attends to in each language: previous, first, same token, induction, entropy, distance.

    Returns:
        The run folder, with `kinds.nc` and `report.html`.
    """

    def sections(result: xr.Dataset) -> list[Section]:
        reading = "Each panel is a language, each cell a head: the mean share of its attention."
        figures_by_kind = {name: drawing(figures.heatmap, result, name, question=q) for name, q in _SHARES.items()}
        return [
            section("kinds", result, figure, reading=reading, finding=findings.kind(result, name))
            for name, figure in figures_by_kind.items()
        ]

    return _single_cell(
        "Attention of the heads", "kinds", kinds, {}, sections, model, corpus, languages, limit, options
    )


def _single_cell(  # the shared part of the four studies of this file
    title: str,
    name: str,
    measure: Callable[..., xr.Dataset],
    how: dict[str, Any],
    sections: Callable[[xr.Dataset], list[Section]],
    model: Any,
    corpus: Any,
    languages: str | Sequence[str] | None,
    limit: int | None,
    options: Options,
) -> Analysis:
    texts = open_texts(corpus, options, languages=languages, limit=limit, alone=True)
    loaded = open_model(model, options)
    key = {**common_key(loaded, options, texts), "method": name, **how}
    cell = Cell(name, key, lambda _: measure(loaded, texts, **how, **options.texts))
    return Analysis(f"{title} of {loaded.name} on {texts.source}", [cell], lambda results: sections(results[name]))


def search_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language and head of its set, strongest first: change of the loss, its interval, and texts."""
    rows = result.to_dataframe()
    return _by_language(rows[rows.pop("member")].reset_index(), "mean", result)


def shapley_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language and head, largest first: its Shapley value with its standard error and interval."""
    rows = result[["value", "standard_error", "low", "high"]].to_dataframe().reset_index()
    return _by_language(rows, "value", result)


def kinds_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language and head, with each measure; intervals are in the Result."""
    return result[[*_SHARES, "entropy", "distance"]].to_dataframe().reset_index().round(4)


def _by_language(rows: pd.DataFrame, column: str, result: xr.Dataset) -> pd.DataFrame:
    """The largest first, language by language."""
    rows = rows.sort_values(column, ascending=False)
    order = pd.Index(result["language"].values)
    return rows.sort_values("language", key=order.get_indexer, kind="stable").reset_index(drop=True).round(4)
