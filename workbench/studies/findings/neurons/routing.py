"""What the numbers say about the routing of a mixture of experts."""

import numpy as np
import xarray as xr

from workbench.results.make import provenance
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.words import count, language, number, percent


def divergence(result: xr.Dataset) -> Finding:
    """In which layer languages lie furthest apart, and in how many more than by chance. Reads `divergence`."""
    values = result.divergence.dropna("layer")
    most, least = int(values.idxmax()), int(values.idxmin())
    text = f"Languages are routed furthest apart in layer {most} ({number(values.max())} bits"
    left = result.divergence_null.sel(layer=most)
    text += f"; exchanged labels leave {number(left)})" if np.isfinite(left) else ")"
    parts = [f"{text} and least in layer {least} ({number(values.min())})." if most != least else f"{text}."]
    p = result.divergence_p_value.dropna("layer")
    if p.size:
        sure = int((p < 0.05).sum())
        parts.append(
            f"In {sure} of {count(p.size, 'layer')} with a router they differ by more than exchanged labels do "
            "(corrected p < 0.05)."
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
    return Finding(f"Furthest apart are {pair(order[-1])}, nearest {pair(order[0])}.")


def share(result: xr.Dataset) -> Finding:
    """Which expert one language prefers most to the others. Reads `share`, `share_low`, `share_high`."""
    shares = result.share.transpose("language", "layer", "expert").values
    others = (shares.sum(0) - shares) / (len(shares) - 1)
    gap = np.where(np.isnan(shares), -np.inf, shares - others)
    at = tuple(int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
    low, high = (result[f"share_{end}"].transpose("language", "layer", "expert").values[at] for end in ("low", "high"))
    between = f" ({percent(low)} to {percent(high)})" if np.isfinite(low) else ""
    return Finding(
        f"The largest preference: expert {at[2]} of layer {at[1]} gets {percent(shares[at])}{between} of what "
        f"{language(result['language'].values[at[0]])} routes there, and {percent(others[at])} of the other languages "
        "in the mean."
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
