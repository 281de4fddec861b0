"""What the numbers say about heads one by one: search, Shapley values, agreement of scores, attention."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, Head, finding
from workbench.studies.findings.words import count, language, number, percent, place


def search(result: xr.Dataset) -> Finding:
    """Which head costs most, and how much of the sweep was run. Reads `mean`, `low`, `high`, `member`, `spent`."""
    code, head = _largest(result["mean"].where(result.member))
    at = {"language": code, "layer": head[0], "head": head[1]}
    low, high = (number(float(result[end].sel(at))) for end in ("low", "high"))
    return finding(
        f"Removing {place(*head)} costs {language(code)} most: {number(float(result['mean'].sel(at)))} nats ({low} to "
        f"{high}).",
        f"{percent(result.attrs['spent'])} of the full sweep was run; with a confidence of "
        f"{percent(result.attrs['confidence'])} all languages' sets are those of the full sweep.",
        heads=[head],
    )


def shapley(result: xr.Dataset) -> Finding:
    """Which head has the largest share for which language. Reads `value`, `standard_error`, `total`, `exact`."""
    code, head = _largest(result.value)
    at = {"language": code, "layer": head[0], "head": head[1]}
    orders = "exact" if result.attrs["exact"] else f"over {count(result.attrs['permutations'], 'random order')}"
    return finding(
        f"The largest share is that of {place(*head)} for {language(code)}: {number(float(result.value.sel(at)))} nats "
        f"(standard error {number(float(result.standard_error.sel(at)))}, {orders}) of the "
        f"{number(float(result.total.sel(language=code)))} that all heads are worth together.",
        heads=[head],
    )


def agreement(result: xr.Dataset, reference: str) -> Finding:
    """Which score agrees best with the reference, and which worst. Reads `mean_correlation`, `mean_overlap`."""
    table = agreement_table(result, reference).set_index("score")
    best, worst = table.correlation.idxmax(), table.correlation.idxmin()
    row = table.loc[best]
    lines = [
        f"Of the other scores, {best} orders the heads most like {reference}: rank correlation "
        f"{number(row.correlation)} (95 % interval {number(row.correlation_low)} to {number(row.correlation_high)}), "
        f"overlap of the strongest {percent(row.overlap)}.",
        f"Random scores overlap by {percent(result.attrs['chance'])} on average.",
    ]
    if worst != best:
        lines.insert(1, f"The least like it is {worst} ({number(table.correlation[worst])}).")
    return finding(*lines)


def agreement_table(result: xr.Dataset, reference: str) -> pd.DataFrame:
    """A row for each score but the reference: rank correlation and overlap of the strongest, each with its interval."""
    columns = [f"mean_{measure}{end}" for measure in ("correlation", "overlap") for end in ("", "_low", "_high")]
    rows = result[columns].sel(other=reference, drop=True).drop_sel(score=reference)
    return rows.to_dataframe().rename(columns=lambda name: name.removeprefix("mean_")).reset_index().round(4)


def kind(result: xr.Dataset, name: str) -> Finding:
    """Which head does this most, in the mean over languages. Reads the variable and `uniform_<variable>`."""
    mean = result[name].mean("language")
    layer, head = (int(i) for i in np.unravel_index(np.nanargmax(mean.values), mean.shape))
    named = (int(mean["layer"][layer]), int(mean["head"][head]))
    alike = percent(float(result[f"uniform_{name}"].mean()))
    return finding(
        f"{place(*named).capitalize()} does so most: {percent(float(mean[layer, head]))} of its attention in the mean "
        f"over languages; a head that attends to all tokens alike has {alike}.",
        heads=[named],
    )


def _largest(values: xr.DataArray) -> tuple[str, Head]:
    """The language and the head of the largest number, [language, layer, head]."""
    values = values.transpose("language", "layer", "head")
    k, i, j = (int(at) for at in np.unravel_index(np.nanargmax(values.values), values.shape))
    return str(values["language"].values[k]), (int(values["layer"][i]), int(values["head"][j]))
