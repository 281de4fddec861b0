"""What the numbers say about heads."""

from collections import Counter

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

from workbench.results.companions import companions
from workbench.results.make import provenance
from workbench.studies.findings.controls import roles_by_chance
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, BY_VALUE, Cell, ends
from workbench.studies.findings.rank import strongest as surest
from workbench.studies.findings.sample import ALPHA, not_shown
from workbench.text.display.words import count, expected, language, listed, number, place, several

FLOOR = 0.01  # nats: a smaller rise of the loss is not called a need


def importance(result: xr.Dataset) -> Finding:
    """Which head each language leans on most. Reads `importance[language, layer, head]`."""
    tops = {code: cell for code, cell in _tops(result).items() if cell.excludes_zero or not cell.measured}
    within = ends(result)[0] is not None
    above = "an importance whose interval lies above zero" if within else "an importance above zero"
    if not tops:
        return Finding(f"No head has {above} in any language.")
    parts, heads = [], []
    (layer, head), times = Counter((cell.at["layer"], cell.at["head"]) for cell in tops.values()).most_common(1)[0]
    if times > 1:
        heads.append((layer, head))
        how = f", {BY_LOWER_END}" if within else f" ({BY_VALUE})"
        parts.append(
            f"{place(layer, head).capitalize()} is the most important one for {times} of {len(tops)} languages{how}."
        )
    elif len(tops) > 1:
        parts.append("No two languages have the same most important head.")
    best = max(tops, key=lambda code: tops[code].low if within else tops[code].value)
    cell = tops[best]
    heads.append((cell.at["layer"], cell.at["head"]))
    units = f"{number(cell.value)} {result.importance.attrs.get('units', '')}".strip()
    parts.append(
        f"The largest importance{cell.ranked(BY_LOWER_END)} is that of {place(*heads[-1])} for {language(best)}: "
        f"{units}{cell.interval(_level(result))}."
    )
    silent = [code for code in result.language.values.tolist() if code not in tops]
    if silent:
        parts.append(f"No head has {above} for {listed(map(language, silent))}.")
    return finding(*parts, heads=dict.fromkeys(heads))


def strongest(result: xr.Dataset, scores: xr.DataArray) -> Finding:
    """Which head or neuron any score [language, layer, unit] of a result surely ranks first in each language.

    By the lower end of its interval; by value where one of the languages has none.
    """
    unit, words = str(scores.dims[2]), str(scores.attrs.get("long_name", scores.name))
    around = companions(result, str(scores.name))
    low = around["low"].transpose(*scores.dims) if {"low", "high"} <= set(around) else scores * np.nan
    within = bool(np.isfinite(low.values).any((1, 2)).all())
    low, high, ranks = (low, around["high"], low) if within else (scores * np.nan, scores * np.nan, scores)
    ranks = ranks.stack(cell=("layer", unit))
    ranks = ranks.where(np.isfinite(ranks), -np.inf)
    highest = ranks.max("cell")
    alone = (ranks == highest).sum("cell") == 1
    tops = {code: ranks.sel(language=code).idxmax("cell").item() for code in ranks.language.values[alone]}
    shared = ranks.language.values[~alone & np.isfinite(highest)]
    left = f"Several {unit}s share the first place for {listed(map(language, shared))}." if shared.size else ""
    if not tops:
        return finding(left or f"No {unit} has a score.")
    best = [code for code in tops if highest.sel(language=code) == highest.sel(language=list(tops)).max()]
    at = dict(zip(("layer", unit), tops[best[0]], strict=True))
    cell = Cell(at, *(float(part.sel(language=best[0], **at)) for part in (scores, low, high)))
    (common, times) = Counter(tops.values()).most_common(1)[0]
    size = f"{number(cell.value)} {scores.attrs.get('units', '')}".strip()
    heads = [tops[best[0]], *([common] if times > 1 else [])] if unit == "head" else []
    named = f"{unit.capitalize()} {common[1]} of layer {common[0]}"
    first = (
        f"{named} has the highest score in {times} of {len(tops)} languages"
        if times > 1
        else f"No two languages have the same {unit} in the first place"
    )
    return finding(
        f"{first}{cell.last_ranked(BY_LOWER_END)}." if len(tops) > 1 else "",
        f"The highest is that of {unit} {at[unit]} of layer {at['layer']} for {listed(map(language, best))}"
        f"{cell.last_ranked(BY_LOWER_END)}: {words} {size}{cell.interval(_level(result))}.",
        left,
        heads=dict.fromkeys(heads),
    )


def top_heads(result: xr.Dataset) -> dict[str, tuple[int, int, float]]:
    """(layer, head, importance) of each language's most important head, by the lower end of its interval.

    Without languages in which no head has an importance above zero.
    """
    return {code: (cell.at["layer"], cell.at["head"], cell.value) for code, cell in _tops(result).items()}


def _tops(result: xr.Dataset) -> dict[str, Cell]:
    tops = {}
    for code in result.language.values.tolist():
        cells = result.sel(language=code)
        above = cells.importance.where(np.isfinite(cells.importance) & (cells.importance > 0))
        cell = surest(above, *ends(cells))
        if cell is not None:
            tops[code] = cell
    return tops


def variants(paper: xr.Dataset, released: xr.Dataset) -> Finding:
    """How alike the paper's and the released score order the heads."""
    return _agreement(
        paper.importance,
        released.importance,
        "The released score orders the heads like the paper's",
        "The released and the paper's score cannot be compared",
    )


def agreement(scores: xr.Dataset, ablation: xr.Dataset) -> Finding:
    """How alike LAHIS and exact ablation order the heads."""
    return _agreement(
        scores.importance,
        ablation.delta,
        "LAHIS orders the heads like exact ablation",
        "LAHIS and exact ablation cannot be compared",
    )


def rank_correlations(first: xr.DataArray, second: xr.DataArray) -> dict[str, float]:
    """Spearman correlation over heads, per language of both; without languages in which one of them is constant."""
    correlations = {}
    for code in first.language.values.tolist():
        if code not in second.language.values:
            continue
        x, y = (array.sel(language=code).values.ravel() for array in (first, second))
        real = np.isfinite(x) & np.isfinite(y)
        if real.sum() > 2 and np.ptp(x[real]) > 0 and np.ptp(y[real]) > 0:
            correlations[code] = float(np.asarray(spearmanr(x[real], y[real]))[0])
    return correlations


def roles(result: xr.Dataset) -> Finding:
    """How many heads serve one language, several, all or none. Reads `role`, `specific_to`."""
    kinds = Counter(result.role.values.ravel().tolist())
    own = Counter(code for code in result.specific_to.values.ravel().tolist() if code)
    needed = int(result.attrs["shared_by"])
    parts = [
        f"Of {count(result.role.size, 'head')}, {kinds['specific']} stand out for one language "
        f"({expected(roles_by_chance(result)[1])}), "
        f"{several(str(kinds['shared']), needed)}{kinds['general']} for {needed} or more, {kinds['none']} for none."
    ]
    if own:
        parts.append(f"Heads of one language: {listed(f'{language(code)} {n}' for code, n in own.most_common())}.")
    else:
        parts.append("No head stands out for one language alone.")
    return finding(*parts)


def ablation(result: xr.Dataset) -> Finding:
    """Which head's removal hurts which language most. Reads `delta`, `low`, `high`, `p_value`."""
    delta, p = result.delta.values, result.p_value.values
    tested = np.isfinite(p)
    if not tested.any():
        return Finding("There are too few texts for a test: no change can be distinguished from chance.")
    sure = tested & (p < ALPHA)
    worse, better = sure & (delta >= FLOOR), sure & (delta < 0)
    if not sure.any():
        return finding(
            "No removal of a head changes a language's loss by an amount that is distinguishable from none "
            f"(smallest corrected p-value {number(np.nanmin(p))}).",
            not_shown(result, int(tested.sum()), tested=True, level=_level(result), units="nats"),
        )
    each = worse.sum(0)  # languages that a head's removal harms: [layer, head]
    parts = [
        f"{int((each > 0).sum())} of {count(each.size, 'head')} are each needed by some language, "
        f"{int((each == len(delta)).sum())} by every one; chance gives at most about {number(ALPHA * worse.sum())}: "
        f"removing the head alone raises the loss by {FLOOR:g} nats or more (corrected p < {ALPHA:g})."
    ]
    heads, harm = [], surest(result.delta.where(worse), *ends(result))
    if harm is not None:
        heads = [(harm.at["layer"], harm.at["head"])]
        parts.append(
            f"The largest harm{harm.last_ranked(BY_LOWER_END)}: removing {place(*heads[0])} raises the loss of "
            f"{language(harm.at['language'])} by {number(harm.value)} nats{harm.interval(_level(result))}."
        )
    if better.any():
        parts.append(
            f"In {int(better.sum())} of {count(int(tested.sum()), 'pair')} of head and language, removal lowers the "
            "loss."
        )
    return finding(*parts, heads=heads)


def harms(result: xr.Dataset) -> pd.DataFrame:
    """The head whose removal raises each language's loss most, by the lower end of its interval: a row for each."""
    rows = {}
    for code in result.language.values.tolist():
        cells = result.sel(language=code)
        harm = surest(cells.delta.where(cells.delta > 0), *ends(cells))
        harm = harm or surest(cells.delta, *ends(cells))
        if harm is None:
            continue
        rows[language(code)] = {
            "loss [nats]": float(cells.baseline),
            **harm.at,
            "rise without it [nats]": harm.value,
            "low": harm.low,
            "high": harm.high,
            "corrected p": float(cells.p_value.sel(harm.at)),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _agreement(first: xr.DataArray, second: xr.DataArray, says: str, cannot: str) -> Finding:
    correlations = rank_correlations(first, second)
    if not correlations:
        return Finding(f"{cannot}: in every language, one of them is the same for all heads.")
    middle = float(np.median(list(correlations.values())))
    high, low = (
        max(correlations, key=lambda code: correlations[code]),
        min(correlations, key=lambda code: correlations[code]),
    )
    if len(correlations) == 1:
        return Finding(f"{says} with a rank correlation of {middle:.2f} ({language(high)}).")
    return Finding(
        f"{says} with a median rank correlation of {middle:.2f} over languages, from {correlations[low]:.2f} "
        f"({language(low)}) to {correlations[high]:.2f} ({language(high)})."
    )


def _level(result: xr.Dataset) -> float:
    return provenance(result)["parameters"].get("level", 0.95)
