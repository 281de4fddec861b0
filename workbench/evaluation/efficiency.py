"""Do models do better in languages that their tokenizers split less? With a check for Simpson's paradox."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from scipy import stats

from workbench.arguments import checked
from workbench.errors import BadArgument, BadResult, warn
from workbench.results.bootstrap import draw_counts, ends_of_known_draws
from workbench.results.interval_ends import interval_ends
from workbench.results.make import Variables, make_result, provenance

LEAST = 5  # least distinct values of the measure for an interval
LEAST_TOKENIZERS = 3  # two have three different resamples
POOLED, CENTRED = "pooled", "centred"
_RESAMPLES = 1000


@checked
def efficiency(
    tokenization: xr.Dataset,
    accuracy: Mapping[str, xr.Dataset] | xr.DataArray,
    *,
    within: Sequence[str] = ("language",),
    measure: str = "tokens_per_word",
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Correlate token efficiency with accuracy: over all points, within strata, and centred on the strata's means.

    A point is a tokenizer (and the model that it belongs to) in a stratum, such as a language. Pooled over strata, a
    correlation can come from differences between languages alone, or even turn its sign (Simpson 1951). So the flag
    compares it with the correlation of the deviations from each stratum's mean:

    - "simpson": they have opposite signs, and neither interval includes 0;
    - "confounded": the pooled interval excludes 0, the centred one includes it;
    - "none": otherwise; "undecided" where there is no interval.

    The intervals resample tokenizers, the units that were chosen, and not their points; below three tokenizers or five
    distinct values of the measure there is none. The released notebook of the study pools three different scores in one
    correlation; give one metric, and name data sets in `within`.

    Args:
        tokenization: of `wb.evaluation.tokenization`.
        accuracy: tokenizer to the Result of `wb.evaluation.accuracy` of its model; or an array with the axes
            `tokenizer`, `language` and perhaps more, such as `dataset`.
        within: axes that make up a stratum.
        measure: variable of `tokenization` [tokenizer, language].

    Returns:
        `pearson`, `spearman[scope]` with `_low` and `_high`, and `distinct[scope]`, the distinct values of the
        measure; a scope is "pooled", "centred", or a stratum such as "bn" or "bn, boolq". `covariance` is the sum of
        `covariance_within` and `covariance_between`. `x`, `y[point]` and their `stratum`. The attribute `flag` is the
        outcome of the comparison.

    Raises:
        BadResult: the measure is missing, or fewer than two tokenizers or no language are in both.
        BadArgument: `within` names an axis that the accuracies do not have.

    Example:
        >>> wb.evaluation.efficiency(tokenization, {"polyglot": accuracy})                       # doctest: +SKIP
    """
    scores = accuracy if isinstance(accuracy, xr.DataArray) else _stacked(accuracy)
    x, y, stratum, unit = _points(tokenization, scores, tuple(within), measure)
    names = list(dict.fromkeys(stratum.tolist()))
    of = np.array([names.index(name) for name in stratum.tolist()])
    scopes = [POOLED, CENTRED, *names]
    drawn = draw_counts(int(unit.max()) + 1, _RESAMPLES, seed)[:, unit]  # how often a draw contains each point
    distinct = [len(np.unique(x)) if scope in scopes[:2] else len(np.unique(x[stratum == scope])) for scope in scopes]
    variables: Variables = {"distinct": (("scope",), np.array(distinct), f"distinct values of {measure}")}
    for kind in ("pearson", "spearman"):
        rows = np.stack([_correlations(x, y, of, weight, kind) for weight in [np.ones(len(x), int), *drawn]])
        low, high = _ends(rows[1:], level)
        unsure = (np.array(distinct) < LEAST) | (unit.max() + 1 < LEAST_TOKENIZERS)
        low[unsure], high[unsure] = np.nan, np.nan
        variables[kind] = (("scope",), rows[0], f"{kind.title()} correlation of {measure} and accuracy")
        variables |= interval_ends(("scope",), (low, high), "it over tokenizers", level=level, name=kind)
    flag = _flag(variables["pearson_low"][1], variables["pearson_high"][1])
    between = np.array([x[of == place].mean() for place in of]), np.array([y[of == place].mean() for place in of])
    variables |= {
        "covariance": ((), _covariance(x, y), "covariance over all points"),
        "covariance_within": ((), _covariance(x - between[0], y - between[1]), "its part within strata"),
        "covariance_between": ((), _covariance(*between), "its part between strata"),
        "x": (("point",), x, str(tokenization[measure].attrs.get("long_name", measure))),
        "y": (("point",), y, "accuracy"),
        "stratum": (("point",), np.array(names)[of], "stratum of the point"),
    }
    return make_result(
        variables,
        {"scope": scopes},
        method="evaluation.efficiency",
        parameters={"within": list(within), "measure": measure, "level": level},
        corpus=provenance(tokenization)["corpus"],
        seed=seed,
        attrs={"flag": flag, "measure": measure, "level": level},
    )


def _stacked(results: Mapping[str, xr.Dataset]) -> xr.DataArray:
    """Accuracies of several models as one array [tokenizer, language]."""
    missing = [name for name, result in results.items() if "accuracy" not in result]
    if missing or not results:
        raise BadResult(f"accuracy of {missing or 'no tokenizer'}: give Results of wb.evaluation.accuracy")
    return xr.concat(
        [result["accuracy"] for result in results.values()],
        xr.DataArray(list(results), dims="tokenizer", name="tokenizer"),
        coords="minimal",
        compat="override",
        join="outer",
    )


def _points(
    tokenization: xr.Dataset, scores: xr.DataArray, within: tuple[str, ...], measure: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measure, accuracy, stratum and tokenizer's number of each point, [point]."""
    if measure not in tokenization:
        raise BadResult(f"measure={measure!r} is not in this tokenization (has: {', '.join(map(str, tokenization))})")
    absent = [axis for axis in (*within, "tokenizer") if axis not in scores.dims]
    if absent:
        raise BadArgument(f"the accuracies have no axis {absent[0]!r} (have: {', '.join(map(str, scores.dims))})")
    cells = xr.Dataset({"x": tokenization[measure], "y": scores}).to_dataframe()
    both = cells.dropna().reset_index()
    if len(both) < len(cells):
        warn(f"efficiency leaves out {len(cells) - len(both)} of {len(cells)} points that lack {measure} or accuracy")
    count = len(set(both["tokenizer"]))
    if count < 2:
        raise BadResult(f"only {count} tokenizers have both {measure} and accuracy; give two")
    stratum = both[list(within)].astype(str).agg(", ".join, axis=1)
    return both["x"].to_numpy(), both["y"].to_numpy(), stratum.to_numpy(), both["tokenizer"].factorize()[0]


def _correlations(x: np.ndarray, y: np.ndarray, of: np.ndarray, times: np.ndarray, kind: str) -> np.ndarray:
    """Correlation pooled, centred, and in each stratum, where point i occurs `times[i]` times; NaN where undefined."""
    x, y, place = np.repeat(x, times), np.repeat(y, times), np.repeat(of, times)
    sums = [np.bincount(place, values, of.max() + 1) for values in (x, y, np.ones(len(x)))]
    with np.errstate(invalid="ignore"):
        centred = x - (sums[0] / sums[2])[place], y - (sums[1] / sums[2])[place]
    inside = [(x[place == stratum], y[place == stratum]) for stratum in range(of.max() + 1)]
    return np.array([_correlation(first, second, kind) for first, second in [(x, y), centred, *inside]])


def _correlation(x: np.ndarray, y: np.ndarray, kind: str) -> float:
    """Pearson's or Spearman's correlation; NaN where either does not vary."""
    if kind == "spearman":
        x, y = stats.rankdata(x), stats.rankdata(y)
    if len(x) < 2 or np.ptp(x) <= 1e-12 or np.ptp(y) <= 1e-12:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def _ends(drawn: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of each scope from draws [draw, scope]; NaN where most draws are undefined."""
    low, high = np.full(drawn.shape[1], np.nan), np.full(drawn.shape[1], np.nan)
    defined = np.isnan(drawn).mean(0) < 0.5
    low[defined], high[defined] = ends_of_known_draws(drawn[:, defined], level)
    return low, high


def _covariance(x: np.ndarray, y: np.ndarray) -> float:
    return float(((x - x.mean()) * (y - y.mean())).mean())


def _flag(low: np.ndarray, high: np.ndarray) -> str:
    """What the pooled (0) and the centred (1) interval say together."""
    if np.isnan(low[:2]).any():
        return "undecided"
    above, below = low[:2] > 0, high[:2] < 0
    if (above[0] and below[1]) or (below[0] and above[1]):
        return "simpson"
    pooled, centred = above | below
    return "confounded" if pooled and not centred else "none"
