"""What the numbers say about token efficiency: what a language costs, and whether that goes with accuracy."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import provenance
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import count, language, listed, number

_MEASURES = {
    "tokens_per_word": "tokens per word",
    "bytes_per_token": "bytes per token",
    "tokens_per_row": "tokens per text",
    "normalized_length": "tokens / baseline",
    "parity": "tokens / pivot",
}
_MOST = 4  # tokenizers that get a sentence each


def parity(result: xr.Dataset) -> Finding:
    """Which languages cost most and least tokens for the same text, and with which tokenizer they differ least.

    Reads `parity` and its ends, each [tokenizer, language], of aligned texts.
    """
    pivot = result.attrs["pivot"]
    others = result.sel(language=[code for code in result["language"].values if code != pivot])
    names = result.tokenizer.values.tolist()
    by_spread = sorted(names, key=lambda name: _spread(others.parity.sel(tokenizer=name)))
    lines = [_costs(others.sel(tokenizer=name), pivot) for name in by_spread[:_MOST]]
    if len(names) == 1:
        return finding(*lines)
    even, uneven = (_costliest(others.sel(tokenizer=name), pivot) for name in (by_spread[0], by_spread[-1]))
    return finding(
        f"The cost of the same text differs least between languages with {by_spread[0]} ({even}), and most with "
        f"{by_spread[-1]} ({uneven}).",
        *lines,
        *(_length(result.sel(tokenizer=name)) for name in names if name != result.attrs["baseline"]),
    )


def _length(row: xr.Dataset) -> str:
    """How many tokens a tokenizer takes for those of the baseline, over the languages."""
    low, high = (number(float(end)) for end in (row.normalized_length.min(), row.normalized_length.max()))
    span = low if low == high else f"{low} to {high}"
    return f"{row.tokenizer.item()} takes {span} times as many tokens as {row.attrs['baseline']}, by language."


def _spread(parity: xr.DataArray) -> float:
    """From the cheapest to the costliest language, the pivot at 1 among them."""
    return max(1.0, float(parity.max())) - min(1.0, float(parity.min()))


def _costliest(row: xr.Dataset, pivot: str) -> str:
    """The language that takes most tokens, of one tokenizer."""
    cell = row.isel(language=int(row.parity.values.argmax()))
    value = float(cell.parity)
    if value <= 1:
        return f"no language takes more tokens than {language(pivot)}"
    return f"{language(cell['language'].item())} takes {number(value)} times as many tokens as {language(pivot)}"


def _costs(row: xr.Dataset, pivot: str) -> str:
    """The costliest and the cheapest language of one tokenizer, with intervals."""
    places = (int(row.parity.values.argmax()), int(row.parity.values.argmin()))
    most, least = (_cell(row.isel(language=place), "parity") for place in places)
    text = f"With {row.tokenizer.item()}, the same text takes {most} times as many tokens as in {language(pivot)}"
    return f"{text}." if places[0] == places[1] else f"{text} at most, {least} times at least."


def _cell(cell: xr.Dataset, name: str) -> str:
    """A number with its interval and its language."""
    ends = ""
    if np.isfinite(float(cell[f"{name}_low"])):
        ends = f" ({number(float(cell[f'{name}_low']))} to {number(float(cell[f'{name}_high']))})"
    return f"in {language(cell['language'].item())} {number(float(cell[name]))}{ends}"


def fertility(result: xr.Dataset) -> Finding:
    """Which languages' words take most and fewest tokens, with each tokenizer; and where words cannot be counted.

    Reads `tokens_per_word` and its ends, each [tokenizer, language].
    """
    codes = result["language"].values.tolist()
    missing = np.isnan(result.tokens_per_word.values).all(0)
    unknown = [language(code) for code, lacks in zip(codes, missing, strict=True) if lacks]
    note = (
        f"Words are not counted in {listed(unknown)}, written without spaces; a segmenter would (--segment)."
        if unknown
        else ""
    )
    known = result.isel(language=~missing)
    if not known.sizes["language"]:
        return finding(note)
    lines = []
    for name in result.tokenizer.values.tolist()[:_MOST]:
        row = known.sel(tokenizer=name)
        places = (int(row.tokens_per_word.values.argmax()), int(row.tokens_per_word.values.argmin()))
        most, least = (_cell(row.isel(language=place), "tokens_per_word") for place in places)
        rest = "." if places[0] == places[1] else f" at most, {least} at least."
        lines.append(f"With {name}, a word takes {most} tokens{rest}")
    return finding(*lines, note)


def tokens_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each tokenizer and language: what a language costs by every measure that the texts give."""
    rows = result[list(_MEASURES)].to_dataframe().dropna(axis=1, how="all").reset_index()
    rows["language"] = rows["language"].map(language)
    if result.sizes["tokenizer"] == 1:
        rows = rows.drop(columns=["tokenizer", *({"normalized_length"} & set(rows))])
    return rows.round(3).rename(columns=_MEASURES).set_index("language")


def efficiency(result: xr.Dataset) -> Finding:
    """Whether accuracy goes with the measure over all points, and whether that is so within strata too.

    Reads `pearson` and its ends, `distinct`, each [scope], `covariance_within`, `covariance_between`, and the flag.
    """
    name = str(result.attrs["measure"])
    measure = _MEASURES.get(name, name)
    within = listed(provenance(result)["parameters"]["within"])
    pooled, centred = (result.sel(scope=scope) for scope in ("pooled", "centred"))
    points = f"Over all {result.sizes['point']} points, {_relation(pooled, measure)}"
    inside = f"within each {within} {_relation(centred, measure)}"
    answer = {
        "simpson": f"{points}, but {inside}: Simpson's paradox. What is seen over all points comes from differences "
        f"between strata ({within}) and is no effect of the tokenizer.",
        "confounded": f"{points}, but {inside}: the relation over all points may come from differences between strata "
        f"({within}) alone.",
        "none": f"{points}; {inside}.",
        "undecided": "Too few tokenizers or distinct values for an interval, so that no relation of "
        f"{measure} and accuracy can be shown. {points}; {inside}.",
    }[result.attrs["flag"]]
    part = (float(result.covariance_within), float(result.covariance_between))
    parts = f"The covariance of {number(sum(part))} is {number(part[0])} within and {number(part[1])} between strata."
    distinct = count(int(pooled.distinct), "distinct value")
    return finding(
        answer,
        f"{parts} There are {distinct} of {measure}.",
        "A point is a tokenizer with its model: models differ in more than their tokenizers.",
    )


def _relation(scope: xr.Dataset, measure: str) -> str:
    """What accuracy does as the measure rises, in one scope."""
    r, low, high = (float(scope[name]) for name in ("pearson", "pearson_low", "pearson_high"))
    if np.isnan(r):
        return f"{measure} or accuracy does not vary"
    if np.isnan(low):
        return f"Pearson's correlation is {number(r)} (no interval)"
    ends = f"(Pearson {number(r)}, 95 % interval {number(low)} to {number(high)})"
    if low > 0:
        return f"accuracy rises with {measure} {ends}"
    return f"accuracy falls as {measure} rises {ends}" if high < 0 else f"no relation can be shown {ends}"
