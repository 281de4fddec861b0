"""What scored Cypher queries say: can the model write them, and does a language of the prompt or question matter?"""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import provenance
from workbench.results.proportions import wilson
from workbench.results.statistics import corrected, interval
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, number, percent

_BAR = 0.05
MEASURES = {
    "nll": "the loss of the right query",
    "ranked": "how often the right query is the likeliest",
    "executed": "how often a query returns the right rows",
    "rouge_l": "the likeness to the right query (ROUGE-L)",
}


def cypher(result: xr.Dataset) -> Finding:
    """What was written, what was ranked, and which language matters, by the strictest measure that the options give.

    Reads `executed`, `valid`, `ranked`, `gap`, `share` and its p-values, which are corrected over both languages.
    """
    by_language = effects(result, main_metric(result))
    lines = (_written(result), _ranked(result), _alike(result), by_language.answer, *by_language.details)
    return finding(*lines, _counted(result))


def effects(result: xr.Dataset, metric: str) -> Finding:
    """Whether a language of the prompt or of the question changes one measure.

    Reads `gap`, `share` and its p-values, which are corrected over both languages.
    """
    pivot = str(provenance(result)["parameters"]["pivot"])
    p_values = corrected(result.share_p_value.sel(metric=metric).values)
    factors = zip(result.language_of.values, p_values, strict=True)
    return finding(
        *(_effect(result.sel(metric=metric, language_of=name), str(name), p, pivot) for name, p in factors),
        ""
        if np.isfinite(p_values).any()
        else f"Nothing can be said of what changes {MEASURES[metric]}: all means are equal, or there is one language.",
    )


def main_metric(result: xr.Dataset) -> str:
    """The strictest measure that the options gave, whatever its values: rows, rank, texts, loss.

    A measure that is chosen for its values would find the effects that it was chosen for.
    """
    metrics = [str(name) for name in result.metric.values]
    return next((name for name in ("executed", "ranked", "rouge_l", "nll") if name in metrics), metrics[0])


def _written(result: xr.Dataset) -> str:
    """How many of the written queries ran and were right."""
    if "executed" not in result:
        return ""
    n_written, ran, right = (int(np.nansum(values)) for values in (result.valid >= 0, result.valid, result.executed))
    if not right:
        # Queries of an item in several languages are no independent trials; items are.
        items = int((result.valid >= 0).any(("prompt_language", "language")).sum())
        return (
            f"Of {n_written:,} written queries {ran:,} ran and none returned the right rows; with {items:,} items, at "
            f"most {percent(wilson(0, items)[1])} at 95 % are written right. Languages cannot be compared by this; "
            "write=False compares how likely the right query is."
        )
    return f"{percent(right / n_written)} of the written queries return the right rows, {percent(ran / n_written)} run."


def _alike(result: xr.Dataset) -> str:
    """How many of the written queries are the right text."""
    if "exact" not in result or not np.isfinite(result.exact.values).any():
        return ""
    return f"{percent(float(np.nanmean(result.exact.values)))} of the written queries are the right one's very text."


def _counted(result: xr.Dataset) -> str:
    """Over how many items languages are compared, and how many some languages lack; older Results do not say."""
    if "compared" not in result or "lacking" not in result:
        return ""
    compared, lacking = int(result.compared.sel(metric=main_metric(result))), result.lacking.values
    text = f"Languages are compared over the {count(compared, 'item')} that all have"
    return f"{text}; of the task, a language lacks up to {int(lacking.max()):,}." if lacking.any() else f"{text}."


def _ranked(result: xr.Dataset) -> str:
    """Whether the right query is the likeliest more often than by chance, and than without the question."""
    if "ranked" not in result:
        return ""
    by_item = result.ranked.mean(("prompt_language", "language")).values
    low, high = _ranked_interval(result)
    expected = float(result.chance)
    verdict = (
        "more often than by"
        if low > expected
        else "less often than by"
        if high < expected
        else "not distinguishable from"
    )
    return (
        f"The right query is the likeliest of its options in {percent(np.nanmean(by_item))} of the cases (95 % "
        f"interval over items {percent(low)} to {percent(high)}), {verdict} chance "
        f"({percent(expected)}); with the question left out in {percent(float(result.blind.mean()))}."
    )


def _ranked_interval(result: xr.Dataset) -> tuple[float, float]:
    """Interval over items of the mean of `ranked`."""
    low, high = interval(result.ranked.mean(("prompt_language", "language")).values)
    return float(low), float(high)


def _effect(cell: xr.Dataset, factor: str, p: float, pivot: str) -> str:
    """Whether the language of the prompt or of the question explains more than chance, and the pivot's gap."""
    if np.isnan(p):
        return ""
    verdict = "changes" if p < _BAR else "cannot be shown to change"
    text = (
        f"The language of the {factor} {verdict} {MEASURES[str(cell.metric.values)]}: it explains "
        f"{percent(cell.share)} of the variance of the means (shuffled "
        f"{percent(cell.share_control_mean)}, corrected {chance(p)})"
    )
    if not np.isfinite(cell.gap):
        return f"{text}."
    return (
        f"{text}; {language(pivot)} differs from the mean of the others by {number(cell.gap)} (95 % interval "
        f"{number(cell.gap_low)} to {number(cell.gap_high)})."
    )


def cypher_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each measure: its mean, over how many items, and what the prompt's and question's languages explain."""
    rows = {str(name): {"mean": float(result["mean"].sel(metric=name).mean())} for name in result.metric.values}
    for name, row in rows.items():
        if "compared" in result:
            row["items"] = int(result.compared.sel(metric=name))
        for factor in map(str, result.language_of.values):
            cell = result.sel(metric=name, language_of=factor)
            row[f"gap, {factor}"] = float(cell.gap)
            row[f"share, {factor}"] = float(cell.share)
            row[f"shuffled, {factor}"] = float(cell.share_control_mean)
            row[f"p, {factor}"] = float(cell.share_p_value)
    return pd.DataFrame.from_dict(rows, orient="index").round(3).dropna(axis=1, how="all").rename_axis("measure")
