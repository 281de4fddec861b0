"""What the numbers say about a swap of languages: how far the answer moves, and whether matched random sets move it."""

import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.sample import ALPHA, level_of
from workbench.text.display.words import chance, count, language, number, percent


def swap(result: xr.Dataset) -> Finding:
    """What the swap of each group does. Reads `before`, `after`, `excess` with its ends, `p_value`, `concept`."""
    groups = result["group"].values.tolist()
    moved = [_moved(result.sel(group=group)) for group in groups]
    concepts = int(result.attrs["concepts"])
    stays = [
        f"{percent(float(own.concept))} of the concepts stay with {group} swapped "
        f"({percent(float(own.concept_low))} to {percent(float(own.concept_high))})"
        + (f", {percent(float(own.concept_control))} with random ones" if float(own.concept_control) >= 0 else "")
        for group, own in ((group, result.sel(group=group)) for group in groups)
    ]
    before = f"{percent(float(result.concept_before))} are answered before"
    dropped = int(result.attrs["dropped"])
    return finding(
        *moved,
        f"Of {count(concepts, 'concept')} {before}; {'; '.join(stays)}.",
        f"Left out: {count(dropped, 'concept')} whose words begin alike in both languages." if dropped else "",
    )


def _moved(own: xr.Dataset) -> str:
    """How the probability of the word in the other language changes, and whether beyond random sets."""
    on = own.isel(language=1)
    name, group = language(on["language"].item()), own["group"].item()
    low, high, p = (float(on[part]) for part in ("excess_low", "excess_high", "p_value"))
    from_to = f"from {number(float(on.before))} to {number(float(on.after))}"
    by = f"{number(float(on.excess))} (95 % interval {number(low)} to {number(high)}, corrected {chance(p)})"
    by = by.replace("95 %", f"{100 * level_of(own):g} %")
    verb = "rises" if float(on.after) >= float(on.before) else "falls"
    start = f"With {int(own['size']):,} {group} swapped, the probability of the word in {name} {verb} {from_to}"
    if p < ALPHA and low > 0:
        return f"{start}, by {by} more than with matched random {group}."
    if p < ALPHA and high < 0:
        return f"{start}, by {by.removeprefix('-')} less than with matched random {group}."
    if p != p:
        return f"{start}; no random {group} were measured."
    return f"{start}; beyond matched random {group} nothing can be shown: {by}."


def swap_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each group and language: the probability before and after, and the change beyond random sets."""
    rows = {}
    for group in result["group"].values.tolist():
        for code in result["language"].values.tolist():
            own = result.sel(group=group, language=code)
            columns = {"before": own.before, "after": own.after, "random": own.before + own.control_mean}
            columns |= {name.replace("_", " "): own[name] for name in ("excess", "excess_low", "excess_high")}
            columns["corrected p"] = own.p_value
            rows[f"{group}, {language(code)}"] = {name: round(float(value), 4) for name, value in columns.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("swapped, word in")
