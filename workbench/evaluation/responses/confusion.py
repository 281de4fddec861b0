"""Language confusion: how often a model answers in another language than the one that is due."""

import json
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from workbench.arguments import checked, one_of
from workbench.errors import BadCorpus
from workbench.evaluation.responses.intervals import (
    Cells,
    Ends,
    harmonic,
    harmonic_ends,
    of_mean,
    proportion,
    varies,
)
from workbench.evaluation.responses.passes import WORD_LANGUAGES, Passes, named, passes
from workbench.results.bootstrap import draw_counts, ends_of_known_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result
from workbench.results.statistics import mean_of_known
from workbench.text.characters import tokenizable_cells
from workbench.text.corpus import digest
from workbench.text.formats.delimited import read_table
from workbench.text.languages import check
from workbench.text.tokens.segment import Segmenters

VARIANTS = ("paper", "released")
_CELL = ("task", "source", "language")
_RATES = {
    "line_pass": "share of responses all of whose lines are in the language (LPR)",
    "word_pass": "share of these without an English word (WPR)",
    "harmonic": "harmonic mean of line_pass and word_pass (LCPR)",
    "lines_right": "mean share of a response's lines that are in the language",
}
_RESAMPLES = 1000


@checked
def confusion(
    responses: pd.DataFrame | str | Path,
    *,
    identify: Callable,
    words: Collection[str] | None = None,
    segment: Segmenters | None = None,
    bar: float = 0.3,
    variant: str = "paper",
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Line and word pass rates of responses, by task, source and language.

    The rules are those of the Language Confusion Benchmark (Marchisio et al. 2024). A response is cut at a line that
    begins with "Q:", its punctuation is deleted, and lines of five tokens or more count; a response without any is
    skipped. It passes where each such line is identified as the language with a score above `bar`. `word_pass` is for
    Arabic, Hindi, Japanese, Korean, Russian and Chinese alone, and NaN elsewhere.

    Args:
        responses: of `wb.evaluation.respond`, or any table with `source`, `language`, `completion` and perhaps
            `task`; or the path of such a CSV, as the benchmark's own outputs.
        identify: text to (code, score), or to a code, to which `bar` does not apply; `wb.text.by_fasttext()` is
            nearest to the benchmark's.
        words: an English dictionary; its lower-case words over three letters count. `word_pass` is NaN without it.
        segment: language code to a function from text to words, as `wb.text.segmenters()` gives for Chinese and
            Japanese; without it, their tokens are characters and words in Latin letters.
        bar: a line whose score is at most this fails.
        variant: "released" makes a rate without responses 1, as the benchmark's code does; "paper" makes it NaN.
        level: of the intervals: Wilson's for line_pass and word_pass of a cell, and for the mean of one cell; else a
            bootstrap over responses. Where that had no width, or took a cell of which all responses are alike as
            certain, the cells' own intervals are combined: see docs/methods/confusion.md.

    Returns:
        `line_pass`, `word_pass`, `harmonic`, `lines_right[task, source, language]`, shares with `_low` and `_high`;
        `responses` and `skipped`, counts. Each rate also as the mean over sources, `mean_{rate}[task, language]`, and
        over languages of these, `overall_{rate}[task]`, with intervals.

    Raises:
        BadCorpus: no response, or a column is missing.
        BadArgument: an option out of range.

    Example:
        >>> wb.evaluation.confusion(responses, identify=wb.text.by_fasttext())                   # doctest: +SKIP
    """
    one_of("variant", variant, VARIANTS)
    table = _table(responses)
    texts, languages = table["completion"].tolist(), table["language"].tolist()
    judged = passes(texts, languages, identify=identify, dictionary=words, segment=segment, bar=bar)
    made = json.loads(responses.attrs.get("provenance", "{}")) if isinstance(responses, pd.DataFrame) else {}
    source = "responses" if isinstance(responses, pd.DataFrame) else responses
    labels = {axis: list(dict.fromkeys(table[axis])) for axis in _CELL}
    shape = tuple(map(len, labels.values()))
    place = np.ravel_multi_index([table[axis].map(labels[axis].index).to_numpy() for axis in _CELL], shape)
    spoken = np.array([code.split("-")[0] in WORD_LANGUAGES and words is not None for code in labels["language"]])
    empty = 1.0 if variant == "released" else np.nan
    rates, draws, cells = _rates(judged, place, shape, spoken, empty, seed, level)
    variables: Variables = {}
    for number, (name, words_of) in enumerate(_RATES.items()):
        for prefix, axes, value, bounds in _with_means(cells[number], rates[number], draws[:, number], level):
            own = f"{prefix}{name}"
            variables |= {own: (axes, value, words_of), **interval_ends(axes, bounds, own, level=level, name=own)}
    counts = [np.bincount(place[rows], minlength=rates[0].size).reshape(shape) for rows in (..., judged.lines == 0)]
    variables["responses"] = (_CELL, counts[0], "responses")
    variables["skipped"] = (_CELL, counts[1], "responses without a line of five tokens, left out of the rates")
    return make_result(
        variables,
        labels,
        method="evaluation.confusion",
        parameters={
            "bar": bar,
            "variant": variant,
            "segmented": sorted(segment or {}),
            "level": level,
            "identify": named(identify),
            "words": 0 if words is None else len(words),
            "responses": made.get("parameters") or {},
        },
        model=made.get("model"),
        corpus={"hash": digest(table.to_numpy().tolist()), **(made.get("corpus") or {"source": str(source)})},
        seed=seed,
        attrs={"level": level, "variant": variant},
    )


def _table(responses: pd.DataFrame | str | Path) -> pd.DataFrame:
    """Responses with the columns task, source, language and completion."""
    if isinstance(responses, pd.DataFrame):
        table, name = responses, "responses"
    else:
        table, name = pd.DataFrame(read_table(Path(responses), BadCorpus).columns), str(responses)
    missing = [column for column in ("source", "language", "completion") if column not in table]
    if missing or table.empty:
        raise BadCorpus(
            f"{name} has {f'no column {missing[0]!r}' if missing else 'no rows'}; give source, language and completion"
        )
    table = table.assign(
        task=table.get("task", "responses"),
        completion=tokenizable_cells(table["completion"].fillna("")),
        language=[check(code) for code in table["language"]],
    )
    return pd.DataFrame({name: table[name].to_numpy() for name in (*_CELL, "completion")})


def _rates(
    judged: Passes,
    place: np.ndarray,
    shape: tuple[int, ...],
    spoken: np.ndarray,
    empty: float,
    seed: int,
    level: float,
) -> tuple[np.ndarray, np.ndarray, list[Cells]]:
    """The four rates [rate, task, source, language], redrawn responses' [draw, ...], and their intervals."""
    whole = judged.lines > 0
    line_pass = whole & (judged.right == judged.lines)
    share = np.divide(judged.right, judged.lines, out=np.zeros(len(whole)), where=whole)
    rows = np.stack([whole, line_pass, line_pass & ~judged.english, share]).astype(float)  # [count, response]
    cells = int(np.prod(shape))
    sums, draws = np.zeros((4, cells)), np.zeros((_RESAMPLES, 4, cells))
    for cell in np.unique(place):
        own = rows[:, place == cell]
        sums[:, cell] = own.sum(1)
        draws[:, :, cell] = draw_counts(own.shape[1], _RESAMPLES, [seed, int(cell)]) @ own.T
    exists = np.bincount(place, minlength=cells) > 0
    both = np.concatenate([sums[None], draws]).reshape(_RESAMPLES + 1, 4, *shape)
    every = np.broadcast_to(exists.reshape(shape), (_RESAMPLES + 1, *shape))

    def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        return np.where(every, np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom > 0), np.nan)

    line, word = ratio(both[:, 1], both[:, 0]), ratio(both[:, 2], both[:, 1])
    word = np.where(spoken, word, np.nan)
    rates = np.stack([line, word, harmonic(line, word), ratio(both[:, 3], both[:, 0])], 1)
    whole, passed, plain, lines = both[0]
    of_line = proportion(passed, whole, level)
    of_word = proportion(np.where(spoken, plain, np.nan), passed, level)
    without_width = (of_line, of_word, harmonic_ends(of_line, of_word), proportion(lines, whole, level))
    cells = []
    for number, (tried, ends) in enumerate(zip((whole, passed, None, whole), without_width, strict=True)):
        drawn, varied = ends_of_known_draws(rates[1:, number], level), varies(rates[1:, number])
        if number >= 2:  # neither line_pass nor word_pass
            ends = tuple(np.where(varied, own, end) for own, end in zip(drawn, ends, strict=True))
        low, high = (np.where(np.isnan(rates[0, number]), np.nan, end) for end in ends)
        cells.append(Cells(rates[0, number], (low, high), varied, tried))
    return rates[0], rates[1:], cells


def _with_means(
    cells: Cells, value: np.ndarray, drawn: np.ndarray, level: float
) -> list[tuple[str, tuple[str, ...], np.ndarray, Ends]]:
    """A rate, its mean over sources, and the mean of these over languages, with their intervals."""
    means, drawn_means = mean_of_known(value, 1), mean_of_known(drawn, 2)
    drawn_overall = mean_of_known(drawn_means, 2)
    known = ~np.isnan(value)
    over_sources = known / np.maximum(1, known.sum(1, keepdims=True))
    over_all = over_sources / np.maximum(1, known.any(1, keepdims=True).sum(2, keepdims=True))
    return [
        ("", _CELL, value, cells.ends),
        ("mean_", ("task", "language"), means, of_mean(cells, over_sources, drawn_means, (1,), level)),
        ("overall_", ("task",), mean_of_known(means, 1), of_mean(cells, over_all, drawn_overall, (1, 2), level)),
    ]
