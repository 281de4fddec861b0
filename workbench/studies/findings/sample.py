"""How much a sample can show: few texts or tokens, and effects that a test could not have shown."""

import itertools
import math

import numpy as np
import xarray as xr
from scipy import stats

from workbench.results.make import origin
from workbench.text.display.words import count, language, number

ALPHA = 0.05
HUGE = 2.0  # standard deviations over samples: the largest effect with a name (Sawilowsky 2009)
FEW = 8  # texts a language: below it an interval rests on so few numbers that one of them can move it
FEW_TOKENS = 1000  # a language: below it a share can be off by three percentage points
_UNITS = ("neuron", "feature", "expert")  # whose rates are shares of tokens
_AXES = ("pair", "sample", "concept")


def samples(result: xr.Dataset) -> tuple[int, str]:
    """The fewest independent samples that a number rests on, and what they are: (4, "text"); (0, "") if unknown.

    From the recorded counts of the corpus: of the language with the fewest texts. Without them, from the axis of
    samples.
    """
    made = origin(result)
    counts = (made.get("corpus") or {}).get("counts") or {}
    shown = set(result["language"].values.tolist()) if "language" in result.coords else set()
    own = {code: n for code, n in counts.items() if code in shown} or counts
    if own:
        name = next(iter(own))
        what = {"pairs": "pair", "concepts": "concept", "questions": "question"}.get(name, "text")
        return min(own.values()), what
    axis = next((axis for axis in _AXES if axis in result.dims), "")
    return (result.sizes[axis], {"sample": "text"}.get(axis, axis)) if axis else (0, "")


def level_of(result: xr.Dataset) -> float:
    """The level of a result's intervals; 0.95 where none is recorded, as in files of older versions."""
    return float((origin(result).get("parameters") or {}).get("level", 0.95))


def warning(result: xr.Dataset) -> str:
    """That there are few texts or few tokens; empty where there are enough or where it is unknown."""
    n, what = samples(result)
    each = " a language" if what == "text" else ""
    if 0 < n < FEW:
        return (
            f"Few samples: {count(n, what)}{each}. Intervals over so few are rough and other {what}s may give another "
            "order."
        )
    if "tokens" in result and result["tokens"].dims == ("language",) and "explained" not in result:
        unit = next((unit for unit in _UNITS if unit in result.dims), "neuron")
        tokens = result["tokens"]
        fewest = int(tokens.values.argmin())
        if 0 < tokens.values[fewest] < FEW_TOKENS:
            code = tokens["language"].values[fewest]
            return f"Few tokens: {int(tokens.values[fewest])} of {language(code)}. Shares of single {unit}s are rough."
    return ""


def bound(n: int, cells: int) -> float:
    """The smallest mean, in standard deviations over samples, for which a t-test of n samples has p < 0.05.

    The p-value is corrected (Benjamini-Hochberg) for all cells, of which no other has an effect. Infinite for n < 2.
    """
    return float(stats.t.isf(ALPHA / 2 / cells, n - 1)) / math.sqrt(n) if n > 1 else math.inf


def needed(cells: int) -> int:
    """The fewest samples with which a t-test shows an effect of HUGE standard deviations."""
    return next(n for n in itertools.count(2) if bound(n, cells) <= HUGE)


def undecided(n: int, what: str, cells: int) -> str:
    """That a sample shows hardly any effect, and which would; empty if it shows large ones or its size is unknown."""
    if not n or bound(n, cells) <= HUGE:
        return ""
    over, corrected = (f" and {number(cells)} cells", ", corrected for all cells,") if cells > 1 else ("", "")
    more = f"about {needed(cells)} {what}s would show one of {HUGE:g}"
    if n == 1:
        return f"1 {what} cannot decide this: a t-test needs two or more; {more} standard deviations."
    return (
        f"{count(n, what)}{over} can hardly decide this: a t-test{corrected} shows a single effect only from "
        f"{number(bound(n, cells))} standard deviations over {what}s on; {more}."
    )


def smallest(low: xr.DataArray, high: xr.DataArray, *, n: int, cells: int, level: float = 0.95) -> float:
    """About the smallest mean that a t-test of n samples, corrected for all cells, would show; NaN if unknown.

    From the median width of the intervals, which is taken for twice the normal quantile of `level` standard errors of a
    bootstrap, which are smaller than the t-test's by a factor of sqrt((n - 1) / n).
    """
    widths = (high - low).values
    known = widths[np.isfinite(widths) & (widths > 0)]
    if n < 2 or not known.size:
        return np.nan
    error = float(np.median(known)) / 2 / stats.norm.isf((1 - level) / 2) * math.sqrt(n / (n - 1))
    return float(error * stats.t.isf(ALPHA / 2 / cells, n - 1))


def not_shown(result: xr.Dataset, cells: int, *, tested: bool, level: float = 0.95, units: str) -> str:
    """What a result that shows nothing could have shown: the smallest effect, and that of a test; may be empty.

    Args:
        result: with `low` and `high`.
        cells: number of cells.
        tested: whether p-values corrected for all cells decide; each interval alone otherwise.
        level: of the intervals.
        units: of the effect.
    """
    if tested:
        n, what = samples(result)
        least, few = smallest(result.low, result.high, n=n, cells=cells, level=level), undecided(n, what, cells)
    else:
        least, few = float((result.high - result.low).median()) / 2, ""
    seen = f"An effect below about {number(least)} {units} could not have been shown." if least > 0 else ""
    return " ".join(filter(None, (few, seen)))
