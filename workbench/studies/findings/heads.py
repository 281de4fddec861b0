"""What the numbers say about heads."""

from collections import Counter

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

from workbench.results.make import provenance
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.words import count, language, listed, number, place, several

ALPHA = 0.05  # corrected p-value below which a cell counts as more than chance


def importance(result: xr.Dataset) -> Finding:
    """Which head each language leans on most. Reads `importance[language, layer, head]`."""
    tops = top_heads(result)
    if not tops:
        return Finding("No head has an importance above zero in any language.")
    parts, heads = [], []
    (layer, head), times = Counter((layer, head) for layer, head, _ in tops.values()).most_common(1)[0]
    if times > 1:
        heads.append((layer, head))
        parts.append(
            f"{place(layer, head).capitalize()} is the most important one for {times} of {len(tops)} languages."
        )
    elif len(tops) > 1:
        parts.append("No two languages have the same most important head.")
    best = max(tops, key=lambda code: tops[code][2])
    layer, head, value = tops[best]
    heads.append((layer, head))
    units = f"{number(value)} {result.importance.attrs.get('units', '')}".strip()
    within = _interval(result, (result.language.values.tolist().index(best), layer, head))
    parts.append(f"The largest importance is that of {place(layer, head)} for {language(best)}: {units}{within}.")
    silent = [code for code in result.language.values.tolist() if code not in tops]
    if silent:
        parts.append(f"No head has an importance above zero for {listed(map(language, silent))}.")
    return finding(*parts, heads=dict.fromkeys(heads))


def strongest(scores: xr.DataArray) -> Finding:
    """Which head or neuron any score [language, layer, unit] ranks first in each language."""
    unit, words = str(scores.dims[2]), str(scores.attrs.get("long_name", scores.name))
    finite = scores.where(np.isfinite(scores), -np.inf).stack(cell=("layer", unit))
    tops = {code: finite.sel(language=code).idxmax("cell").item() for code in scores.language.values.tolist()}
    values = finite.max("cell")
    best = str(values.idxmax("language").item())
    layer, number_of = tops[best]
    (cell, times) = Counter(tops.values()).most_common(1)[0]
    shared = (
        f"{unit.capitalize()} {cell[1]} of layer {cell[0]} has the highest score in {times} of {len(tops)} languages."
        if times > 1
        else f"No two languages have the same {unit} in the first place."
    )
    size = f"{number(float(values.max()))} {scores.attrs.get('units', '')}".strip()
    highest = f"The highest is that of {unit} {number_of} of layer {layer} for {language(best)}: {words} {size}."
    heads = [tops[best], *([cell] if times > 1 else [])] if unit == "head" else []
    return finding(shared, highest, heads=dict.fromkeys(heads))


def top_heads(result: xr.Dataset) -> dict[str, tuple[int, int, float]]:
    """(layer, head, importance) of each language's most important head; without languages that have none."""
    tops = {}
    for code in result.language.values.tolist():
        cells = result.importance.sel(language=code).values
        if np.isfinite(cells).any() and np.nanmax(cells) > 0:
            layer, head = np.unravel_index(np.nanargmax(cells), cells.shape)
            tops[code] = (int(layer), int(head), float(cells[layer, head]))
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
        f"Of {count(result.role.size, 'head')}, {kinds['specific']} stand out for one language, "
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
    worse, better = tested & (p < ALPHA) & (delta > 0), tested & (p < ALPHA) & (delta < 0)
    if not (worse | better).any():
        return Finding(
            "Removing a head changes the loss of no language more than chance would "
            f"(smallest corrected p-value {number(np.nanmin(p))})."
        )
    each = worse.sum(0)  # languages that a head's removal harms: [layer, head]
    parts = [
        f"{int((each > 0).sum())} of {count(each.size, 'head')} are each needed by some language, "
        f"{int((each == len(delta)).sum())} by every one: removing the head alone raises the loss by more than chance "
        f"(corrected p < {ALPHA:g})."
    ]
    heads = []
    if worse.any():
        k, i, j = (int(at) for at in np.unravel_index(np.where(worse, delta, -np.inf).argmax(), delta.shape))
        heads = [(int(result.layer[i]), int(result["head"][j]))]
        parts.append(
            f"The largest harm: removing {place(*heads[0])} raises the loss of {language(result.language.values[k])} "
            f"by {number(float(delta[k, i, j]))} nats{_interval(result, (k, i, j))}."
        )
    if better.any():
        parts.append(
            f"In {int(better.sum())} of {count(int(tested.sum()), 'pair')} of head and language, removal lowers the "
            "loss."
        )
    return finding(*parts, heads=heads)


def harms(result: xr.Dataset) -> pd.DataFrame:
    """The head whose removal raises each language's loss most: one row for each language."""
    rows = {}
    for code in result.language.values.tolist():
        cells = result.sel(language=code)
        if not np.isfinite(cells.delta.values).any():
            continue
        layer, head = (int(i) for i in np.unravel_index(np.nanargmax(cells.delta.values), cells.delta.shape))
        rows[language(code)] = {
            "loss [nats]": float(cells.baseline),
            "layer": int(cells.layer[layer]),
            "head": int(cells["head"][head]),
            "rise without it [nats]": float(cells.delta[layer, head]),
            "low": float(cells.low[layer, head]),
            "high": float(cells.high[layer, head]),
            "corrected p": float(cells.p_value[layer, head]),
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


def _interval(result: xr.Dataset, cell: tuple[int, int, int]) -> str:
    """Such as: (95 % interval 0.08 to 0.12), after a space; empty where the result has none."""
    if not {"low", "high"} <= set(result.data_vars):
        return ""
    level = provenance(result)["parameters"].get("level", 0.95)
    low, high = (number(float(result[name].values[cell])) for name in ("low", "high"))
    return f" ({100 * level:g} % interval {low} to {high})"
