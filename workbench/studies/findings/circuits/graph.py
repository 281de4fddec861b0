"""What an attribution graph says: how much errors carry, and which features are strongest."""

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.safe import plain_line
from workbench.text.display.words import count, listed, percent

_NAMED, _ROWS = 3, 10  # features in sentences, and in the table
_HALF = 0.5


def carried(result: xr.Dataset) -> Finding:
    """What carries a prediction. Reads `replacement`, `completeness`, `dropped`, and `influence` of features."""
    replacement, completeness = (float(result.attrs[name]) for name in ("replacement", "completeness"))
    if not np.isfinite(replacement):
        return Finding("Nothing carries this prediction: no node has an influence on it.")
    errors = percent(1 - replacement)
    answer = (
        f"Errors carry {errors} of the influence on {_targets(result)}: more is left unexplained than explained."
        if replacement < _HALF
        else f"Tokens carry {percent(replacement)} of the influence on {_targets(result)} through features; errors "
        f"carry the other {errors}, which is unexplained."
    )
    strongest = islice(features(result).items(), _NAMED)
    named = [f"feature {number} of layer {layer} ({percent(share)})" for (layer, number), share in strongest]
    dropped = int(result.attrs["dropped"])
    return finding(
        answer,
        f"Of what nodes receive, {percent(completeness)} does not come from errors.",
        f"Of the influence of all features, most is of {listed(named)}." if named else "No feature is active.",
        f"{count(dropped, 'feature')} of {int(result.attrs['active']):,} were left out, and what they carry with them."
        if dropped
        else "",
    )


def features(result: xr.Dataset) -> dict[tuple[int, int], float]:
    """The share of the influence of all features that each has, over positions, by (layer, number), largest first."""
    mine = result.kind.values == "feature"
    layers, numbers, influence = (result[name].values[mine] for name in ("layer", "feature", "influence"))
    total: dict[tuple[int, int], float] = {}
    for layer, number, own in zip(layers.tolist(), numbers.tolist(), influence.tolist(), strict=True):
        total[layer, number] = total.get((layer, number), 0.0) + own
    whole = sum(total.values())
    ordered = sorted(total.items(), key=lambda item: -item[1])
    return {place: own / whole for place, own in ordered} if whole > 0 else {}


def feature_table(result: xr.Dataset, seen: xr.Dataset) -> pd.DataFrame:
    """A row for each of the strongest features: its share, where it is active, and its strongest text."""
    rows = {}
    for (layer, number), share in islice(features(result).items(), _ROWS):
        here = (result.kind.values == "feature") & (result.layer.values == layer) & (result.feature.values == number)
        active = [result.token.values[place] for place in result.position.values[here]]
        rows[f"layer {layer}, feature {number}"] = {
            "share of influence": percent(share),
            "active at": plain_line(" ".join(f"“{token}”" for token in active), most=60),
            "strongest text": _strongest(seen, f"{layer}/{number}"),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("feature")


def graphs_table(results: Sequence[xr.Dataset]) -> pd.DataFrame:
    """What carries each of several predictions, then a row for each of the strongest features over all of them.

    Cells are shares of the influence of all features; – where a feature is not active, or was left out.
    """
    columns = {f"graph {number}": features(each) for number, each in enumerate(results, start=1)}
    totals: dict[tuple[int, int], float] = {}
    for shares in columns.values():
        for place, share in shares.items():
            totals[place] = totals.get(place, 0.0) + share
    strongest = sorted(totals, key=lambda place: -totals[place])[:_ROWS]
    named = {"prediction": _targets, "replacement": _attr("replacement"), "completeness": _attr("completeness")}
    table: dict[str, list[str | None]] = {row: [read(each) for each in results] for row, read in named.items()}
    for layer, number in strongest:
        cells = [shares.get((layer, number)) for shares in columns.values()]
        table[f"layer {layer}, feature {number}"] = [None if cell is None else percent(cell) for cell in cells]
    return pd.DataFrame.from_dict(table, orient="index", columns=[*columns]).rename_axis("carried by")


def _attr(name: str) -> Callable[[xr.Dataset], str]:
    return lambda result: percent(float(result.attrs[name]))


def _strongest(seen: xr.Dataset, name: str) -> str:
    """The text in which a feature is strongest, in whichever language, with its token between « and »."""
    if name not in seen["feature"].values:
        return ""
    own = seen.sel(feature=name)
    if not np.isfinite(own.activation.values).any():
        return "active in no text"
    place = own.isel(own.activation.argmax(("language", "context")))
    pieces, peak = [str(piece) for piece in place.text.values], int(place.peak)
    pieces[peak] = f"«{pieces[peak]}»"
    return f"{place['language'].item()}: {plain_line(''.join(pieces), most=90)}"


def _targets(result: xr.Dataset) -> str:
    """What is predicted, in quotes."""
    labels = result.label.values[result.kind.values == "target"]
    names = [f"“{plain_line(str(label), most=30)}”" for label in labels[:_NAMED]]
    return listed([*names, f"{len(labels) - _NAMED} more"] if len(labels) > _NAMED else names)
