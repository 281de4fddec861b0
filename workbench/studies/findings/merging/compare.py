"""What the numbers say about merges: which of them answer better than the first model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, listed, number, percent

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
    """Mean change of a model, and its surest language; none where no change is sure."""
    mean = f"{model['model'].item()}: {number(float(model.change.mean()))} points on average"
    if not (model.p_value < _ALPHA).any():
        return f"{mean}; no change is sure in any language (corrected p {_ALPHA:g} or more)."
    cell = model.isel(language=int(np.nanargmin(model.p_value.values)))
    return (
        f"{mean}; most surely in {language(cell['language'].item())}, "
        f"{number(float(cell.change))} points ({number(float(cell.change_low))} to {number(float(cell.change_high))}, "
        f"{chance(float(cell.p_value))})."
    )


def best(result: xr.Dataset) -> Finding:
    """Which model is surely right most often, by language, and where none is.

    Reads `accuracy` with `low`, `high`, `change`, `p_value` and `chance` [model, language].
    """
    names, wins = result["model"].values, {}
    ceiling, undecided = [], []
    for code in result["language"].values:
        own, name = result.sel(language=code), language(code)
        if (own.accuracy == 1).all():
            ceiling.append(name)
        elif (leader := _leader(own)) is None:
            undecided.append(name)
        else:
            wins.setdefault(names[leader], []).append(name)
    means = result.accuracy.mean("language").values
    rates = [f"{name} {percent(float(mean))}" for name, mean in zip(names, means, strict=True)]
    languages = result.sizes["language"]
    return finding(
        f"Right most often is {listed(f'{name} in {listed(own)}' for name, own in wins.items())}." if wins else "",
        f"No model surely leads{_where(undecided, languages)}." if undecided else "",
        f"All models are at the ceiling{_where(ceiling, languages)}: harder items would tell." if ceiling else "",
        f"On average over languages: {listed(rates)}; chance is {percent(float(result.chance.mean()))}.",
    )


def _where(names: Sequence[str], languages: int) -> str:
    """The languages by name, after a space; empty if they are all."""
    return "" if len(names) == languages else f" in {listed(names)}"


def _leader(cells: xr.Dataset) -> int | None:
    """The place of the model that is surely better than each other one in a language; None without one.

    A difference from the first model has a test of its own; two others must have intervals that do not meet.
    """
    top = int(cells.accuracy.values.argmax())
    surely = (cells.p_value < _ALPHA).values
    if top == 0:
        return 0 if surely[1:].all() else None
    others = np.delete(np.arange(1, cells.sizes["model"]), top - 1)
    return top if surely[top] and (cells.low.values[top] > cells.high.values[others]).all() else None


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
