"""What the numbers say about heads one by one: search, Shapley values, agreement of scores, attention."""

import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, Head, finding
from workbench.studies.findings.rank import BY_LOWER_END, BY_UPPER_END, BY_VALUE, Cell, ends, strongest
from workbench.text.display.words import count, language, number, percent, place


def search(result: xr.Dataset) -> Finding:
    """Which head costs most, and how much of the sweep was run. Reads `mean`, `low`, `high`, `member`, `spent`."""
    best = strongest(result["mean"].where(result.member & (result["mean"] > 0)), *ends(result))
    named = best is not None and (best.excludes_zero or not best.measured)
    most = (
        f"Removing {place(*_head(best))} costs {language(best.at['language'])} most"
        f"{best.last_ranked(BY_LOWER_END)}: {number(best.value)} nats ({number(best.low)} to {number(best.high)})."
        if best is not None and named
        else "No head can be shown to cost a language anything: no interval lies above zero."
    )
    return finding(
        most,
        f"{percent(result.attrs['spent'])} of the full sweep was run; with a confidence of "
        f"{percent(result.attrs['confidence'])} all languages' sets are those of the full sweep.",
        heads=[_head(best)] if best is not None and named else [],
    )


def shapley(result: xr.Dataset) -> Finding:
    """Which head has the largest share for which language. Reads `value`, `standard_error`, `total`, `exact`."""
    best = strongest(result.value.where(result.value > 0), *ends(result))
    if best is None or (best.measured and not best.excludes_zero):
        return Finding("No head has a share whose interval lies above zero in any language.")
    code, head = best.at["language"], _head(best)
    orders = "exact" if result.attrs["exact"] else f"over {count(result.attrs['permutations'], 'random order')}"
    return finding(
        f"The largest share{best.ranked(BY_LOWER_END)} is that of {place(*head)} for {language(code)}: "
        f"{number(best.value)} nats (standard error {number(float(result.standard_error.sel(best.at)))}, {orders}) of "
        f"the {number(float(result.total.sel(language=code)))} that all heads are worth together.",
        heads=[head],
    )


def agreement(result: xr.Dataset, reference: str) -> Finding:
    """Which score agrees best with the reference, and which worst. Reads `mean_correlation`, `mean_overlap`."""
    table = agreement_table(result, reference).set_index("score")
    measured = table.correlation_low.notna().any()
    how, by_upper = (f", {BY_LOWER_END}", f", {BY_UPPER_END},") if measured else (f" ({BY_VALUE})", "")
    ranks = table.correlation_low if measured else table.correlation
    if ranks.isna().all():
        return Finding(f"No score can be compared with {reference}.")
    best, worst = ranks.idxmax(), (table.correlation_high if measured else table.correlation).idxmin()
    row = table.loc[best]
    lines = [
        f"Of the other scores, {best} orders the heads most like {reference}{how}: rank "
        f"correlation {number(row.correlation)} (95 % interval {number(row.correlation_low)} to "
        f"{number(row.correlation_high)}), overlap of the strongest {percent(row.overlap)}.",
        f"Random scores overlap by {percent(result.attrs['chance'])} on average.",
    ]
    if worst != best:
        lines.insert(1, f"The least like it{by_upper} is {worst} ({number(table.correlation[worst])}).")
    return finding(*lines)


def agreement_table(result: xr.Dataset, reference: str) -> pd.DataFrame:
    """A row for each score but the reference: rank correlation and overlap of the strongest, each with its interval."""
    columns = [f"mean_{measure}{end}" for measure in ("correlation", "overlap") for end in ("", "_low", "_high")]
    rows = result[columns].sel(other=reference, drop=True).drop_sel(score=reference)
    return rows.to_dataframe().rename(columns=lambda name: name.removeprefix("mean_")).reset_index().round(4)


def kind(result: xr.Dataset, name: str) -> Finding:
    """Which head does this most, in the mean over languages. Reads the variable and `uniform_<variable>`."""
    bounds = (None if end is None else end.mean("language") for end in ends(result, f"{name}_low", f"{name}_high"))
    best = strongest(result[name].mean("language").rename(name), *bounds)
    if best is None:
        return Finding("No head was measured.")
    named = _head(best)
    lowest = "by the lower ends of its intervals"
    alike = percent(float(result[f"uniform_{name}"].mean()))
    return finding(
        f"{place(*named).capitalize()} does so most{best.last_ranked(lowest)}: {percent(best.value)} of its "
        f"attention in the mean over languages; a head that attends to all tokens alike has {alike}.",
        heads=[named],
    )


def _head(cell: Cell) -> Head:
    return cell.at["layer"], cell.at["head"]
