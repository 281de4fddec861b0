"""What the numbers say about merges: which of them answer better than the first model."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.studies.findings.words import chance, count, language, listed, number, percent

_ALPHA = 0.05


def changes(result: xr.Dataset) -> Finding:
    """Where accuracy rises or falls against the first model, and the largest change.

    Reads `change` with its ends and `p_value`, `accuracy` [model, language], and the attribute `first`.
    """
    first = result.attrs["first"]
    others = result.isel(model=slice(1, None))
    surely = (others.p_value < _ALPHA).values
    risen, fallen = (int((surely & (sign * others.change.values > 0)).sum()) for sign in (1, -1))
    cells = count(others.change.size, "cell")
    answer = (
        f"Against {first}, accuracy rises in {risen} and falls in {fallen} of {cells} (corrected)."
        if risen or fallen
        else f"No change of the accuracy against {first} can be shown in any of {cells} (corrected)."
    )
    by_model = [_of_model(others.isel(model=place)) for place in range(others.sizes["model"])]
    return finding(answer, *by_model)


def _of_model(model: xr.Dataset) -> str:
    """Mean change of a model, and its surest language."""
    name, mean = model["model"].item(), float(model.change.mean())
    cell = model.isel(language=int(np.argmin(model.p_value.values)))
    return (
        f"{name}: {number(mean)} points on average; most surely in {language(cell['language'].item())}, "
        f"{number(float(cell.change))} points ({number(float(cell.change_low))} to {number(float(cell.change_high))}, "
        f"{chance(float(cell.p_value))})."
    )


def best(result: xr.Dataset) -> Finding:
    """Which model is right most often, by language. Reads `accuracy` and `chance` [model, language]."""
    names, wins = result["model"].values, {}
    for code, place in zip(result["language"].values, result.accuracy.argmax("model").values, strict=True):
        wins.setdefault(names[place], []).append(language(code))
    means = result.accuracy.mean("language").values
    rates = [f"{name} {percent(float(mean))}" for name, mean in zip(names, means, strict=True)]
    return finding(
        f"Right most often is {listed(f'{name} in {listed(own)}' for name, own in wins.items())}.",
        f"On average over languages: {listed(rates)}; chance is {percent(float(result.chance.mean()))}.",
    )


def merge_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each model and language: accuracy, change against the first with its interval, and p."""
    columns = ["accuracy", "change", "change_low", "change_high", "p_value"]
    rows = {
        f"{model}, {language(code)}": [
            round(float(result[name].sel(model=model, language=code)), 3) for name in columns
        ]
        for model in result["model"].values
        for code in result["language"].values
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[name.replace("_", " ") for name in columns])
    return frame.rename_axis("model, language")
