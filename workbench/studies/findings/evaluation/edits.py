"""What the numbers say about edits: what a language loses without a group or with a direction, beyond random ones."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.evaluation.consistency import all_right
from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, number

_ALPHA = 0.05
_MEASURES = {
    "agreement": "agreement with the other languages",
    "consistency": "consistency with the other languages",
    "line_pass": "responses in the right language",
    "word_pass": "responses without an English word",
    "lines_right": "lines in the right language",
}


def measured(result: xr.Dataset) -> str:
    """What a Result of `under` measures, as points of it."""
    return _MEASURES.get(result.attrs.get("measure", ""), "accuracy")


def under(result: xr.Dataset, plain: xr.Dataset | None = None) -> Finding:
    """Which group or direction costs which language most accuracy, or other measure, beyond random ones.

    A cell loses only where the interval of `delta` itself is below 0, `p_value` shows `excess` below 0, and `delta` is
    below `control_low` too: `p_value` compares with the mean of the random groups and ignores their spread. Reads
    `delta`, `control_mean`, `excess`, the ends of these and `p_value`, each [group, language], and counts `control`.

    Args:
        result: of `wb.evaluation.under`.
        plain: of `wb.evaluation.consistency` of the same items without an edit: can it be measured there?
    """
    noun, changed = measured(result), _changed(result)
    known = bool(np.isfinite(result.excess.values).any())
    if plain is not None and result.attrs.get("measure") == "consistency" and all_right(plain):
        return finding(
            "Without an edit the answers are all right in every pair of languages, so that consistency cannot be "
            "measured on these items, and no loss of it can be shown; harder items would tell.",
            _furthest(result) if known else "",
            _few(result),
        )
    if not known:
        return Finding(
            f"No random {changed}s were measured, so no change can be told from that of any other {changed}."
        )
    cells = count(int(np.isfinite(result.p_value.values).sum()), "cell")
    loss = result.high.values < 0
    below_mean = (result.p_value.values < _ALPHA) & (result.excess.values < 0)
    below_all = below_mean & (result.delta.values < result.control_low.values)
    sure, in_spread, no_loss = below_all & loss, int((below_mean & ~below_all).sum()), int((below_all & ~loss).sum())
    randoms = f"random {changed}s"
    compared = f"the mean of {randoms}" if _few(result) else randoms
    if sure.any():
        lines = [
            _largest(result, sure, compared),
            f"{int(sure.sum())} of {cells} lose more than {compared} (corrected).",
        ]
    else:
        lines = [f"No loss of {noun} beyond {randoms} can be shown (corrected over {cells}).", _furthest(result)]
    if loss.any():
        lines.append(
            f"In {int(loss.sum())} of {cells} the change itself is a loss (its own interval, which is not corrected, "
            "is below 0)."
        )
    if no_loss:
        lines.append(f"In {no_loss} the change is below {compared}, but no loss itself: its own interval reaches 0.")
    if in_spread:
        lines.append(
            f"In {in_spread} the change is below the mean of {randoms}, within the spread between those {changed}s."
        )
    return finding(*lines, _own_groups(result), _few(result))


def _changed(result: xr.Dataset) -> str:
    return "direction" if result.attrs.get("unit") == "direction" else "group"


def _few(result: xr.Dataset) -> str:
    """What so few random groups cannot show; empty where they are enough, or none."""
    least = 1 / (result.sizes["control"] + 1)
    if not _ALPHA < least < 1:
        return ""
    randoms = count(result.sizes["control"], f"random {_changed(result)}")
    return (
        f"With {randoms} no p below {number(least)} is possible against the random {_changed(result)}s themselves; the "
        "p given is over items, against their mean."
    )


def _largest(result: xr.Dataset, sure: np.ndarray, compared: str) -> str:
    """The cell that loses most beyond random groups, of those that surely lose."""
    cell = _lowest(result, sure)
    return (
        f"{_edit(result, cell)}, {language(cell['language'].item())} loses most beyond {compared}: it changes by "
        f"{_numbers(result, cell)}."
    )


def _furthest(result: xr.Dataset) -> str:
    """The cell whose change is furthest below that with random groups, where that is no proven loss."""
    cell, randoms = _lowest(result, np.ones(result.excess.shape, dtype=bool)), f"random {_changed(result)}s"
    if not float(cell.excess) < 0:
        return f"In no cell is the change below the mean of {randoms}."
    edit = _edit(result, cell)
    text = (
        f"Furthest below {randoms}: {edit[0].lower()}{edit[1:]}, {language(cell['language'].item())} changes by "
        f"{_numbers(result, cell)}."
    )
    if float(cell.high) < 0 or float(cell.control_mean) <= 0:
        return text
    return f"{text} What is below random there is a gain with {randoms}, and no loss that can be shown."


def _lowest(result: xr.Dataset, among: np.ndarray) -> xr.Dataset:
    excess = np.where(among, result.excess.values, np.nan)
    row, column = np.unravel_index(np.nanargmin(excess), excess.shape)
    return result.isel(group=int(row), language=int(column))


def _edit(result: xr.Dataset, cell: xr.Dataset) -> str:
    """Such as: Without the group of German."""
    name, changed = str(cell.group.item()), _changed(result)
    known = language(name)
    which = f"of {known}" if known != name else repr(name)
    return f"{'With' if changed == 'direction' else 'Without'} the {changed} {which}"


def _numbers(result: xr.Dataset, cell: xr.Dataset) -> str:
    """The change of a cell, that with random groups, and the difference, each by its name."""
    return (
        f"{_signed(cell.delta)} points of {measured(result)} (95 % interval {number(float(cell.low))} to "
        f"{number(float(cell.high))}), with random {_changed(result)}s by {_signed(cell.control_mean)} on average; the "
        f"excess beyond random is {_signed(cell.excess)} ({number(float(cell.excess_low))} to "
        f"{number(float(cell.excess_high))}, {chance(float(cell.p_value))})"
    )


def _signed(value: xr.DataArray | float) -> str:
    return f"{'+' if float(value) > 0 else ''}{number(float(value))}"


def _own_groups(result: xr.Dataset) -> str:
    """What the groups named after languages do to their own language and to the others, beside random groups.

    Where there are enough random groups, also in how many of these none of them does that.
    """
    codes, changed = result["language"].values.tolist(), _changed(result)
    own = [
        name
        for name in result.group.values.tolist()
        if name in codes and np.isfinite(result.excess.sel(group=name, language=name).item())
    ]
    if not own:
        return ""
    names = ["delta", "control_mean", "excess"]
    means = result[names].sel(group=own).to_dataframe().reset_index()
    inside = means.loc[means.group == means.language, names].mean()
    outside = means.loc[means.group != means.language].groupby("group")[names].mean().mean()
    text = f"A language's own {changed} changes its {measured(result)} by {_beside(inside.to_dict(), changed)}"
    if np.isfinite(outside).all():
        text += f"; that of the others by {_beside(outside.to_dict(), changed)}"
    if _few(result):
        return f"{text}."
    cells = [result.sel(group=name, language=name) for name in own]
    beyond = sum(bool(cell.delta < cell.control_low) or bool(cell.delta > cell.control_high) for cell in cells)
    languages = count(len(own), "language")
    return f"{text}; in {beyond} of {languages} the own change is beyond the random {changed}s themselves."


def _beside(means: dict[str, float], changed: str) -> str:
    return (
        f"{_signed(means['delta'])} points on average, random {changed}s by {_signed(means['control_mean'])} (a "
        f"difference of {_signed(means['excess'])})"
    )


def effects_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each group and language: the change, that with random groups, what is beyond it, and p."""
    columns = {
        "delta": "change",
        "low": "low",
        "high": "high",
        "control_mean": "random mean",
        "excess": "beyond random",
        "excess_low": "beyond low",
        "excess_high": "beyond high",
        "p_value": "p",
    }
    rows = result[list(columns)].to_dataframe(dim_order=["group", "language"]).reset_index()
    change = "with" if _changed(result) == "direction" else "without"
    rows.index = pd.Index([f"{change} {language(name)}" for name in rows.pop("group")], name=_changed(result))
    rows["language"] = [language(code) for code in rows["language"]]
    rows = rows.round({name: 2 for name in columns if name != "p_value"})
    rows["p_value"] = [float(f"{p:.2g}") for p in rows["p_value"]]
    return pd.DataFrame(rows[["language", *columns]]).rename(columns=columns)
