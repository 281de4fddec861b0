"""What the numbers say about features and languages: how evenly they fire, and what alignment adds to the overlap."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.results.make import origin
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, ends, strongest
from workbench.studies.findings.sample import ALPHA, level_of
from workbench.text.display.words import chance, count, language, listed, number, percent

_HALF = 0.5
_COLUMNS = {"p_value": "corrected p"}


def overlap(result: xr.Dataset) -> Finding:
    """What alignment adds to the overlap. Reads `jaccard`, `shuffled`, `excess` with its ends, `p_value` [layer]."""
    layers, level = result.sizes["layer"], level_of(result)
    sure = (result.p_value < ALPHA) & (result.excess_low > 0)
    best = strongest(result.excess.where(sure), *ends(result, "excess_low", "excess_high")) if sure.any() else None
    where = count(layers, "layer")
    if best is None:
        means = [number(float(result[name].mean())) for name in ("jaccard", "shuffled")]
        return finding(
            f"Translations cannot be shown to share more features than other texts in any of {where} (corrected).",
            f"Raw overlap (Jaccard index {means[0]} of translations, {means[1]} of other rows) is of features that "
            "fire often whatever a text says.",
            _unsure(result),
        )
    own = result.sel(best.at)
    jaccard, shares = float(own.jaccard), [value / float(own.jaccard) for value in (best.value, best.low, best.high)]
    mostly = "; the rest is of features that fire often" if shares[2] < _HALF else ""
    return finding(
        f"Translations share more features than other texts in {int(sure.sum())} of {where} (corrected): in layer "
        f"{best.at['layer']}, where it is most{best.last_ranked(BY_LOWER_END)}, alignment explains "
        f"{percent(shares[0])} of the Jaccard index ({100 * level:g} % interval {percent(shares[1])} to "
        f"{percent(shares[2])}){mostly}.",
        f"There the index is {number(jaccard)} of translations and {number(float(own.shuffled))} of other rows, "
        f"{chance(float(own.p_value))}.",
        _pairs(result.sel(best.at)),
        _unsure(result),
    )


def _unsure(result: xr.Dataset) -> str:
    """In how many layers the permutation test finds an excess that the interval over texts does not."""
    small = result.p_value < ALPHA
    unsure = int((small & (result.excess_low <= 0)).sum())
    layers = "other layer" if (small & (result.excess_low > 0)).any() else "layer"
    return (
        f"In {count(unsure, layers)} the p-value is below {ALPHA:g} but the interval over texts includes 0."
        if unsure
        else ""
    )


def _pairs(layer: xr.Dataset) -> str:
    """The two languages that alignment joins most in a layer, and in how many pairs it does. Reads `pair_excess`."""
    upper = np.triu(np.ones(layer.pair_excess.shape, dtype=bool), 1)
    values = layer.pair_excess.where(upper & (layer.pair_p_value.values < ALPHA))
    pairs = int(upper.sum())
    if pairs < 2:
        return ""
    if not np.isfinite(values.values).any():
        return f"In none of its {pairs} pairs of languages can it be shown alone (corrected)."
    most = values.isel(values.argmax(("language", "other")))
    names = listed(language(most[axis].item()) for axis in ("language", "other"))
    known = int(np.isfinite(values.values).sum())
    return f"It can be shown in {known} of its {pairs} pairs of languages (corrected), with most between {names}."


def overlap_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each layer: the index of translations and of other rows, and what alignment adds."""
    names = ("jaccard", "shuffled", "excess", "excess_low", "excess_high", "p_value")
    columns = {_COLUMNS.get(name, name.replace("_", " ")): result[name].values.round(4) for name in names}
    return pd.DataFrame(columns, index=pd.Index([f"layer {layer}" for layer in result["layer"].values], name="layer"))


def profile(result: xr.Dataset) -> Finding:
    """Where features fire most evenly. Reads `mean_entropy` with its ends, `share_below`, `dead` [layer]."""
    entropy, known = result.mean_entropy, np.isfinite(result.mean_entropy.values)
    if not known.any():
        return Finding("No feature fires in these texts.")
    most, least = (result.isel(layer=int(at(entropy.values))) for at in (np.nanargmax, np.nanargmin))
    apart = float(most.mean_entropy_low) > float(least.mean_entropy_high)
    ends_of = [
        f"layer {int(each['layer'])} ({number(float(each.mean_entropy))}, {number(float(each.mean_entropy_low))} to "
        f"{number(float(each.mean_entropy_high))})"
        for each in (most, least)
    ]
    between = [number(float(end)) for end in (entropy.min(), entropy.max())]
    dead = int(result.dead.sum())
    return finding(
        f"Features fire most evenly over languages in {ends_of[0]} and least in {ends_of[1]}."
        if apart
        else f"No layer surely fires more evenly than another: mean entropies lie between {between[0]} and "
        f"{between[1]}, and their intervals meet.",
        f"On average {percent(float(result.share_below.mean()))} of a layer's features have an entropy below "
        f"{number(origin(result)['parameters']['below'])}.",
        f"{count(dead, 'feature')} never fire in these texts." if dead else "",
    )
