"""What the numbers say about uses of heads: a trained mask, conflicting facts, the language of generated text."""

import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.rank import strongest
from workbench.text.display.words import chance, count, language, listed, number, percent


def tuned(result: xr.Dataset) -> Finding:
    """What a trained mask saves against none and against random heads. Reads `accuracy`, `saved`."""
    accuracy = {name: percent(float(result.accuracy.sel(condition=name))) for name in ("none", "tuned", "random")}
    return finding(
        f"With the trained mask {accuracy['tuned']} of {count(result.attrs['held_out'], 'held-out question')} are "
        f"answered, without it {accuracy['none']}, with masks on random heads {accuracy['random']}.",
        *(
            f"Against {words} it saves {number(row.saved)} nats of loss per answer token (95 % interval "
            f"{number(row.saved_low)} to {number(row.saved_high)}, corrected {chance(row.saved_p)})."
            for words, row in (
                ("no mask", result.sel(against="none")),
                ("random heads", result.sel(against="random")),
            )
        ),
    )


def tuned_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each condition: accuracy, loss, and what the tuned mask saves against it."""
    rows = result[["accuracy", "low", "high", "loss"]].to_dataframe()
    saved = result[["saved", "saved_low", "saved_high", "saved_p"]].to_dataframe()
    return rows.join(saved.rename_axis("condition")).reset_index().round(4)


def transfer(result: xr.Dataset) -> Finding:
    """At which scale the heads move the preference most, beyond random heads. Reads `moved`, `own_share`."""
    scaled = result.isel(scale=slice(1, None))  # the first is scale 1, against which the others are measured
    cell = strongest(scaled.moved, scaled.moved_low, scaled.moved_high)
    if cell is None:
        return Finding("No scale was measured.")
    best = scaled.sel(cell.at)
    return finding(
        "" if cell.excludes_zero else "No scale can be shown to move the preference beyond random heads.",
        f"Scaling the heads by {number(best.scale)} moves the preference by {number(best.moved)} nats per token beyond "
        f"random heads (95 % interval {number(best.moved_low)} to {number(best.moved_high)}, corrected "
        f"{chance(best.p_value)}).",
        f"The own answer is then preferred in {percent(best.own_share)} of the questions, and in "
        f"{percent(result.own_share[0])} with the heads as they are.",
    )


def transfer_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each scale: the preference, and how far it moved beyond random heads."""
    names = ("preference", "low", "high", "own_share", "moved", "moved_low", "moved_high", "p_value")
    return result[list(names)].to_dataframe().reset_index().round(4)


def off_target(result: xr.Dataset) -> Finding:
    """What scaled heads do to the language of what is written, beyond random heads. Reads `share`, `beyond`."""
    whole, scaled = (percent(float(result.share.sel(condition=name).mean())) for name in ("whole", "scaled"))
    beyond, low, high = (number(100 * result.attrs[f"beyond{end}"]) for end in ("", "_low", "_high"))
    sure = result.p_value.values < 0.05
    return finding(
        f"With the heads scaled {scaled} of the prompts are answered in the wanted language, by the whole model "
        f"{whole}: beyond random heads that is a change of {beyond} percentage points (95 % interval {low} to {high}, "
        f"{chance(result.attrs['beyond_p'])}).",
        f"Languages whose share changes more than with random heads (corrected p < 0.05): "
        f"{listed(map(language, result['language'].values[sure]))}.",
    )


def off_target_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language: shares of the three conditions, random heads' range, and the effect beyond them."""
    table = result["wanted"].to_dataframe()
    for condition in result.condition.values:
        table[condition] = result.share.sel(condition=condition).to_series()
    for name in ("control_low", "control_high", "beyond", "beyond_low", "beyond_high", "p_value"):
        table[name] = result[name].to_series()
    table["unidentified"] = result.unidentified.sel(condition="scaled").to_series().astype(int)
    return table.reset_index().round(4)
