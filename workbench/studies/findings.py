"""Findings about heads and neurons: sentences computed from the numbers, true for any model.

Each function takes Results and returns text; where nothing stands out from chance, it says so.
"""

from collections import Counter

import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from workbench.results.make import provenance
from workbench.studies.words import count, language, listed, number, percent, place

ALPHA = 0.05  # corrected p-value below which a cell is told from chance


def importance(result: xr.Dataset) -> str:
    """Which head each language leans on most. Reads `importance[language, layer, head]`."""
    tops, values = {}, {}
    for code in result.language.values.tolist():
        cells = result.importance.sel(language=code).values
        if np.isfinite(cells).any() and np.nanmax(cells) > 0:
            tops[code] = np.unravel_index(np.nanargmax(cells), cells.shape)
            values[code] = float(np.nanmax(cells))
    if not tops:
        return "No head has an importance above zero in any language."
    unit = result.importance.attrs.get("units", "")
    best = max(values, key=lambda code: values[code])
    parts = [f"The largest importance is {language(best)}'s {place(*tops[best])}: {number(values[best])} {unit}".strip() + "."]
    head, times = Counter(tops.values()).most_common(1)[0]
    if times > 1:
        parts.append(f"The most important head of {times} of {len(tops)} languages is the same: {place(*head)}.")
    elif len(tops) > 1:
        parts.append("No two languages have the same most important head.")
    silent = [code for code in result.language.values.tolist() if code not in tops]
    if silent:
        parts.append(f"No head has an importance above zero in {listed(map(language, silent))}.")
    return " ".join(parts)


def variants(paper: xr.Dataset, released: xr.Dataset) -> str:
    """How alike the paper's and the released score order the heads."""
    return _agreement(
        paper.importance, released.importance, "The two variants order the heads", "The two variants cannot be compared"
    )


def agreement(scores: xr.Dataset, ablation: xr.Dataset) -> str:
    """How alike LAHIS and exact ablation order the heads."""
    return _agreement(
        scores.importance,
        ablation.delta,
        "LAHIS orders the heads like exact ablation",
        "LAHIS and exact ablation cannot be compared",
    )


def rank_correlations(first: xr.DataArray, second: xr.DataArray) -> dict[str, float]:
    """Spearman correlation over heads for each language of both; languages where one of them is constant are left out."""
    found = {}
    for code in first.language.values.tolist():
        if code not in second.language.values:
            continue
        one, other = (array.sel(language=code).values.ravel() for array in (first, second))
        real = np.isfinite(one) & np.isfinite(other)
        if real.sum() > 2 and np.ptp(one[real]) > 0 and np.ptp(other[real]) > 0:
            found[code] = float(spearmanr(one[real], other[real])[0])
    return found


def roles(result: xr.Dataset) -> str:
    """How many heads serve one language, several, all or none. Reads `role`, `specific_to`."""
    kinds = Counter(result.role.values.ravel().tolist())
    total = result.role.size
    own = Counter(code for code in result.specific_to.values.ravel().tolist() if code)
    sentence = (
        f"Of {count(total, 'head')}, {kinds['specific']} serve one language, {kinds['shared']} several, "
        f"{kinds['general']} at least {int(result.attrs['shared_by'])} languages, {kinds['none']} none by this cut."
    )
    if not own:
        return f"{sentence} No head is specific to one language."
    return f"{sentence} Specific heads: {listed(f'{language(code)} {n}' for code, n in own.most_common())}."


def ablation(result: xr.Dataset) -> str:
    """Which head's removal hurts which language most. Reads `delta`, `low`, `high`, `p_value`."""
    delta, p = result.delta.values, result.p_value.values
    tested = np.isfinite(p)
    if not tested.any():
        return "There are too few texts for a test: nothing can be told from chance."
    real = tested & (p < ALPHA)
    worse, better = real & (delta > 0), real & (delta < 0)
    if not real.any():
        return (
            f"No head's removal changes the loss of any language more than chance would "
            f"(smallest corrected p-value {number(np.nanmin(p))})."
        )
    parts = []
    if worse.any():
        parts.append(f"Removing {_cell(result, np.where(worse, delta, -np.inf).argmax())}, the largest harm.")
    else:
        parts.append("No head's removal raises the loss of a language more than chance would.")
    parts.append(
        f"Of {count(int(tested.sum()), 'pair')} of head and language, removal raises the loss in {int(worse.sum())} and "
        f"lowers it in {int(better.sum())} (corrected p < {ALPHA:g})."
    )
    return " ".join(parts)


def firing(result: xr.Dataset) -> str:
    """Where neurons fire most, and how many never do. Reads `fired`, `tokens`."""
    rate = result.fired / result.tokens
    by_layer, by_language = rate.mean(("language", "neuron")), rate.mean(("layer", "neuron"))
    dead = int((result.fired.sum("language") == 0).sum())
    high, low = (str(by_language.language.values[int(i)]) for i in (by_language.argmax(), by_language.argmin()))
    parts = [
        f"At a token, {percent(float(rate.mean()))} of the neurons fire; most in layer {int(by_layer.layer[int(by_layer.argmax())])} "
        f"({percent(float(by_layer.max()))}), fewest in layer {int(by_layer.layer[int(by_layer.argmin())])} "
        f"({percent(float(by_layer.min()))})."
    ]
    if float(by_language.max()) > float(by_language.min()):
        parts.append(
            f"{language(high)} makes most fire ({percent(float(by_language.max()))}), {language(low)} fewest "
            f"({percent(float(by_language.min()))})."
        )
    parts.append(f"{count(dead, 'neuron')} of {rate.sizes['layer'] * rate.sizes['neuron']} never fired.")
    return " ".join(parts)


def ternary(result: xr.Dataset) -> str:
    """How many neurons are specific, related, general. Reads `kind`, `member`."""
    kinds = Counter(result.kind.values.ravel().tolist())
    sentence = (
        f"Of {count(result.kind.size, 'neuron')}, {kinds['specific']} are specific to one language, {kinds['related']} "
        f"related to several, {kinds['general']} general, {kinds['unassigned']} unassigned (lambda {number(result.attrs['lam'])})."
    )
    if not kinds["specific"]:
        return f"{sentence} No neuron is specific to one language."
    specific = result.kind == "specific"
    own = (result.member & specific).sum(("layer", "neuron"))
    each = sorted(zip(own.values.tolist(), own.language.values.tolist(), strict=True), reverse=True)
    layers = specific.sum("neuron")
    names = listed(f"{language(code)} {n}" for n, code in each if n)
    return f"{sentence} Specific ones: {names}; layer {int(layers.layer[int(layers.argmax())])} has most of them ({int(layers.max())})."


def lape(result: xr.Dataset, classes: xr.Dataset) -> str:
    """How many neurons each language has, and how many the ternary classes select too. Reads `member`, `selected`."""
    chosen = result.selected.values
    if not chosen.any():
        return "LAPE selects no neuron: none fires often enough in any language."
    own = result.member.sum(("layer", "neuron"))
    each = dict(zip(own.language.values.tolist(), own.values.tolist(), strict=True))
    most, least = max(each, key=lambda code: each[code]), min(each, key=lambda code: each[code])
    both = int((chosen & classes.selected.values).sum())
    spread = (
        f"most belong to {language(most)} ({each[most]}), fewest to {language(least)} ({each[least]})"
        if each[most] > each[least]
        else f"every language has {each[most]} of them"
    )
    return (
        f"LAPE selects {count(int(chosen.sum()), 'neuron')}; {spread}. "
        f"{both} of them are among those that the ternary score selects."
    )


def _agreement(first: xr.DataArray, second: xr.DataArray, says: str, cannot: str) -> str:
    found = rank_correlations(first, second)
    if not found:
        return f"{cannot}: in every language one of them is the same for all heads."
    middle = float(np.median(list(found.values())))
    high, low = max(found, key=lambda code: found[code]), min(found, key=lambda code: found[code])
    if len(found) == 1:
        return f"{says} with a rank correlation of {middle:.2f} ({language(high)})."
    return (
        f"{says} with a median rank correlation of {middle:.2f} over languages, from {found[low]:.2f} ({language(low)}) "
        f"to {found[high]:.2f} ({language(high)})."
    )


def _cell(result: xr.Dataset, flat: int) -> str:
    """ "head 2 of layer 0 raises the loss of German by 0.1 nats (95 % interval 0.08 to 0.12)"."""
    k, layer, head = (int(i) for i in np.unravel_index(flat, result.delta.shape))
    level = provenance(result)["parameters"].get("level", 0.95)
    low, high = (number(float(result[name].values[k, layer, head])) for name in ("low", "high"))
    code = str(result.language.values[k])
    where = place(int(result.layer[layer]), int(result["head"][head]))
    return (
        f"{where} raises the loss of {language(code)} by {number(float(result.delta.values[k, layer, head]))} nats "
        f"({level:.0%} interval {low} to {high})"
    )
