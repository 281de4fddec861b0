"""What the numbers say about stages, knock-outs and two checkpoints."""

import numpy as np
import xarray as xr

from workbench.results.make import provenance
from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import BY_VALUE
from workbench.text.display.words import chance, count, expected, language, listed, number, percent


def stages(result: xr.Dataset) -> Finding:
    """How many parts there are, and where four would begin. Reads `boundary`, `low`, `high`."""
    best, n_stages = result.attrs["best_parts"], result.sizes["stage"]
    parts = [f"The smallest number of parts that the test does not reject is {best}."]
    if not result.attrs["supported"]:
        parts.append(f"So {count(n_stages, 'part')} explain no better than fewer: do not interpret the boundaries.")
    later = result[["boundary", "low", "high"]].isel(stage=slice(1, None)).to_dataframe()
    begins = [f"{name} from layer {at:.0f} ({low:.0f} to {high:.0f})" for name, (at, low, high) in later.iterrows()]
    return finding(*parts, f"The best fit: {listed(begins)}." if begins else "")


def knockout(result: xr.Dataset) -> Finding:
    """Which languages lose more without their own neurons than without random ones. Reads `excess`, `p_value`."""
    own = [name for name in result.group.values.tolist() if name in result["language"].values]
    cells = {name: result.sel(group=name, language=name) for name in own}
    sure = [name for name, cell in cells.items() if float(cell.p_value) < 0.05 and float(cell.excess) > 0]
    losses = [
        f"{language(name)} {number(cells[name].excess)} nats ({number(cells[name].excess_low)} to "
        f"{number(cells[name].excess_high)})"
        for name in sure
    ]
    others = result.excess.values[result.group.values[:, None] != result["language"].values]
    text = (
        f"{len(sure)} of {count(len(own), 'language')} lose more without their own neurons than without random ones "
        f"(corrected p < 0.05; at most about {number(0.05 * len(sure))} of these by chance)"
    )
    parts = [f"{text}: {listed(losses)}." if losses else f"{text}."]
    if np.isfinite(others).any():
        parts.append(f"Without another language's neurons the mean excess is {number(np.nanmean(others))} nats.")
    return finding(*parts)


def own(result: xr.Dataset) -> xr.Dataset:
    """A knock-out's cells in which a language loses its own neurons: `delta[language]` and what belongs to it."""
    codes = [name for name in result["language"].values.tolist() if name in result.group.values]
    same = xr.DataArray(codes, dims="language")
    return result.sel(group=same, language=same)


def beyond(result: xr.Dataset) -> Finding:
    """How many languages lose more than random groups cost. Reads `delta[language]`, `control_high`."""
    above = int((result.delta > result.control_high).sum())
    level = provenance(result)["parameters"].get("level", 0.95)
    languages = count(result.sizes["language"], "language")
    return Finding(
        f"{above} of {languages} lose more than the band of random groups reaches; "
        f"{expected((1 - level) / 2 * result.sizes['language'])}."
    )


def compare(result: xr.Dataset) -> Finding:
    """What changed between two checkpoints. Reads `transition`, `change`, `p_value`, `trained_p`."""
    parts = [
        f"{percent(result.attrs['kept'])} of the neurons keep their class (kappa {number(result.attrs['kappa'])}).",
    ]
    table = result[["change", "low", "high", "p_value"]].to_dataframe(["kind", "language"])
    table = table[table.p_value < 0.05]
    cells = [
        f"{language(code)} {kind} {change:+.0f} ({low:+.0f} to {high:+.0f})"
        for (kind, code), (change, low, high, _) in zip(table.index, table.to_numpy(), strict=True)
    ]
    parts.append(f"Changes with a corrected p below 0.05: {listed(cells)}.")
    if cells:
        before, after = (result[f"members_{when}"].sum("kind").to_series() for when in ("before", "after"))
        sums = [f"{language(code)} {before[code]:.0f} to {after[code]:.0f}" for code in table.index.unique("language")]
        parts.append(
            f"Neurons, {listed(result.kind.values.tolist())} together, as the figure has them: {listed(sums)}."
        )
    if "trained" in result:
        for kind in result.kind.values.tolist():
            part = result.sel(kind=kind)
            parts.append(
                f"Trained languages change by {float(part.trained_change):+.2f} {kind} neurons, the others by "
                f"{float(part.untrained_change):+.2f} ({chance(part.trained_p)})."
            )
    return finding(*parts)


def look(result: xr.Dataset) -> Finding:
    """Where one neuron fires, and what it is called. Reads `fires`, `label`."""
    highest = float(result.fires.max())
    most = result["language"].values[result.fires.values == highest]
    share = f"at {percent(highest)} of the tokens"
    parts = [
        f"It fires {share} in {listed(map(language, most))}."
        if most.size == result.fires.size
        else f"It fires most in {listed(map(language, most))}, {share}, {BY_VALUE}."
    ]
    if "label" in result:
        labels = zip(result["method"].values.tolist(), result.label.values.tolist(), strict=True)
        parts.append(f"{listed(f'{method}: {label}' for method, label in labels)}.")
    return finding(*parts)
