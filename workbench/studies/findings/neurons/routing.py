"""What the numbers say about the routing of a mixture of experts."""

import numpy as np
import xarray as xr

from workbench.results.make import provenance
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_LOWER_END, BY_VALUE, ends, strongest
from workbench.text.display.words import count, language, number, percent


def divergence(result: xr.Dataset) -> Finding:
    """In which layer languages lie furthest apart, and in how many more than by chance. Reads `divergence`."""
    values = result.divergence.dropna("layer")
    most, least = int(values.idxmax()), int(values.idxmin())
    text = f"Languages are routed furthest apart in layer {most} ({number(values.max())} bits"
    left = result.divergence_null.sel(layer=most)
    text += f"; exchanged labels leave {number(left)})" if np.isfinite(left) else ")"
    text += f" and least in layer {least} ({number(values.min())}), {BY_VALUE}" if most != least else ""
    parts = [f"{text}."]
    p = result.divergence_p_value.dropna("layer")
    if p.size:
        sure = int((p < 0.05).sum())
        parts.append(
            f"In {sure} of {count(p.size, 'layer')} with a router they differ by more than exchanged labels do "
            f"(corrected p < 0.05; at most about {number(0.05 * sure)} of these by chance)."
        )
    if result.attrs["layers_without_router"] != "none":
        parts.append(f"Layers without a router: {result.attrs['layers_without_router']}.")
    return finding(*parts)


def pairs(result: xr.Dataset) -> Finding:
    """Which two languages lie furthest apart and nearest, in the mean over layers. Reads `pair_divergence`."""
    mean = result.pair_divergence.mean("layer").values
    first, second = np.triu_indices(len(mean), 1)
    order = np.argsort(mean[first, second], kind="stable")
    names = [language(code) for code in result["language"].values]

    def pair(at: int) -> str:
        i, j = first[at], second[at]
        return f"{names[i]} and {names[j]} ({number(mean[i, j])} bits in the mean over layers)"

    if len(order) == 1:
        return Finding(f"The two languages: {pair(0)}.")
    return Finding(f"{pair(order[-1])} lie furthest apart, {pair(order[0])} nearest, {BY_VALUE}.")


def share(result: xr.Dataset) -> Finding:
    """Which expert one language prefers most to the others. Reads `share`, `share_low`, `share_high`."""
    others = (result.share.sum("language", skipna=False) - result.share) / (result.sizes["language"] - 1)
    gap = (result.share - others).rename("share")
    bounds = (None if end is None else end - others for end in ends(result, "share_low", "share_high"))
    best = strongest(gap.where(gap > 0).transpose("language", "layer", "expert"), *bounds)
    if best is None or (best.measured and not best.excludes_zero):
        return Finding("No expert's share for a language has an interval above the mean of the other languages.")
    at = best.at
    low, high = (float(result[f"share_{end}"].sel(at)) for end in ("low", "high"))
    between = f" ({percent(low)} to {percent(high)})" if np.isfinite(low) else ""
    return Finding(
        f"The largest preference{best.last_ranked(BY_LOWER_END)}: expert {at['expert']} of layer {at['layer']} gets "
        f"{percent(result.share.sel(at))}{between} of what {language(at['language'])} routes there, and "
        f"{percent(others.sel(at))} of the other languages in the mean."
    )


def exchanged(result: xr.Dataset) -> str:
    """What was exchanged, and how often."""
    record = provenance(result)
    if not record["parameters"]["permutations"]:
        return "None: no labels were exchanged."
    where = "within each row of translations" if record["corpus"]["aligned"] else "among all texts"
    return (
        f"The texts' languages were exchanged {where}, {record['parameters']['permutations']} times; p-values are the "
        "share of exchanges that lie as far apart, corrected over layers and pairs."
    )
