"""What the numbers say about removed heads: the diagonal of a knock-out, and pruning."""

import pandas as pd
import xarray as xr

from workbench.results.make import provenance
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, expected, language, listed, number

_LEAST = 4  # groups: 3 have 6 assignments, the best of which has p = 1/6


def diagonal(result: xr.Dataset) -> Finding:
    """Whether groups hit their own language more than the others. Reads the attributes of the diagonal."""
    mean, low, high, p = (result.attrs[name] for name in ("diagonal", "diagonal_low", "diagonal_high", "diagonal_p"))
    if p != p:
        return Finding("There are too few groups of a measured language, or too few texts, for a diagonal to test.")
    own = sum(name in result["language"].values for name in result.group.values.tolist())
    if own < _LEAST:
        return Finding(
            f"Beyond random heads, a language's own heads cost it {number(mean)} nats more than they cost the others "
            f"({number(low)} to {number(high)} over texts); with {own} groups no permutation test can distinguish that "
            "from chance."
        )
    more = (
        "A language's own heads cost it more than they cost the others"
        if mean > 0 and p < 0.05
        else "What a language's own heads cost it is not distinguishable from what they cost the others"
    )
    return Finding(
        f"{more}: beyond random heads, by {number(mean)} nats on average ({number(low)} to {number(high)} over texts; "
        f"{chance(p)} by permuting the groups' languages)."
    )


def hits(result: xr.Dataset) -> Finding:
    """Which languages their own group hits more, and which less. Reads `contrast[group]`, `_low`, `_high`."""
    named = result.sel(group=[name for name in result.group.values if name in result["language"].values])
    level = provenance(result)["parameters"].get("level", 0.95)
    more = [language(code) for code in named.group.values[(named.contrast_low > 0).values]]
    less = [language(code) for code in named.group.values[(named.contrast_high < 0).values]]
    return finding(
        f"{len(more)} of {count(named.sizes['group'], 'language')} are hit more by their own group (interval above "
        f"zero; {expected((1 - level) / 2 * named.sizes['group'])}): {listed(more)}.",
        f"Hit less (interval below zero): {listed(less)}.",
    )


def contrasts(result: xr.Dataset) -> pd.DataFrame:
    """A row for each group: its heads, and how much more it costs its own language. Reads `contrast[group]`."""
    columns = {"heads": "heads", "contrast": "own less others [nats]", "contrast_low": "low", "contrast_high": "high"}
    return result[list(columns)].to_dataframe().rename(columns=columns).rename(index=language)


def pruned(result: xr.Dataset) -> Finding:
    """What the removal costs on held-out texts, and what random heads cost. Reads `removed_head`, `rise`, `advantage`.

    The costs are means over the kept and over the dropped languages, with all chosen heads removed.
    """
    last = result.rise.sel(order="greedy").isel(removed=-1)
    removed, mask = int(result.removed_head.sum()), result.kept.to_numpy().astype(bool)
    cost = f"{number(float(last[mask].mean()))} nats of loss"
    if not mask.all():
        cost += f", the others {number(float(last[~mask].mean()))}"
    lines = [
        f"{removed} of {count(result.removed_head.size, 'head')} are removed, which costs the kept languages {cost} on "
        "held-out texts."
    ]
    if "random" in result.order.values and removed:
        gain = result.sel(order="greedy", group="kept")
        low, high = (number(float(gain[f"advantage_{end}"])) for end in ("low", "high"))
        lines.append(
            f"As many random heads cost the kept languages {number(float(gain.advantage))} nats more (95 % interval "
            f"{low} to {high})."
        )
    return finding(*lines)


def orders(result: xr.Dataset) -> pd.DataFrame:
    """A row for each order: the mean rise of the kept and of the dropped languages with all heads removed."""
    last, mask = result.rise.isel(removed=-1), result.kept.astype(bool)
    columns = {"rise of the kept [nats]": last.where(mask).mean("language").to_series()}
    if not mask.all():
        columns["rise of the dropped [nats]"] = last.where(~mask).mean("language").to_series()
    return pd.DataFrame(columns)
