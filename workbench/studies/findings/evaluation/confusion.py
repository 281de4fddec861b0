"""What the numbers say about language confusion: are answers in the language that is due, and what changes that?"""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, listed, number, percent

_ALPHA = 0.05
_SURE = 0.8  # of a language's own texts that the identifier recognises; below it its rates say little
_OPENINGS = "openings"
_JUDGES = {
    "fasttext": "fastText's lid.176.ftz, with a score above 0.3",
    "lingua": "lingua, without a score",
    "trigram": "trigrams of the shipped sentences, which take unusual spelling for another language",
}


def confusion(result: xr.Dataset, *, identify: str, recognised: xr.Dataset | None = None) -> Finding:
    """How many responses are wholly in the language that is due, where most and least, and how far to trust that.

    Reads `overall_line_pass[task]`, `mean_line_pass[task, language]` with their ends, `overall_word_pass`, `responses`
    and `skipped`.

    Args:
        result: of `wb.evaluation.confusion`.
        identify: the identifier's name.
        recognised: the same of texts that are in their language.
    """
    lines = [_overall(result.sel(task=task), str(task)) for task in result.task.values]
    opened = _OPENINGS in result.task.values
    return finding(
        *lines,
        _skipped(result),
        "The model continued the first tokens of texts; this is not the Language Confusion Benchmark, which asks."
        if opened
        else "",
        f"Lines were judged by {_JUDGES[identify]}.",
        "" if recognised is None else _recognised(recognised),
    )


def _overall(row: xr.Dataset, task: str) -> str:
    """A task's mean over languages, its best and its worst language, and its share without English words."""
    if not np.isfinite(float(row.overall_line_pass)):
        return f"In {task}, no response has a line of five tokens, so that nothing was judged."
    text = (
        f"In {task}, {_share(row, 'overall_line_pass')} of the responses are wholly in the language that is due (mean "
        f"over languages)"
    )
    known = row.isel(language=np.isfinite(row.mean_line_pass.values))
    if known.sizes["language"] > 1:
        best, worst = (
            known.isel(language=int(place))
            for place in (known.mean_line_pass.values.argmax(), known.mean_line_pass.values.argmin())
        )
        if float(best.mean_line_pass) > float(worst.mean_line_pass):
            text += (
                f": most in {language(best['language'].item())}, {_share(best, 'mean_line_pass')}, fewest in "
                f"{language(worst['language'].item())}, {_share(worst, 'mean_line_pass')}"
            )
    if np.isfinite(float(row.overall_word_pass)):
        text += f"; of these, {_share(row, 'overall_word_pass')} have no English word"
    return f"{text}."


def _share(row: xr.Dataset, name: str) -> str:
    """A share with its interval."""
    value, low, high = (float(row[name + end]) for end in ("", "_low", "_high"))
    ends = f" ({percent(low)} to {percent(high)})" if np.isfinite(low) else ""
    return f"{percent(value)}{ends}"


def _skipped(result: xr.Dataset) -> str:
    """How many responses were left out, and which languages had none left."""
    every, skipped = result.responses.sum(("task", "source")), result.skipped.sum(("task", "source"))
    if not int(skipped.sum()):
        return ""
    gone = [language(code) for code in result["language"].values[(every == skipped).values]]
    text = (
        f"{int(skipped.sum()):,} of {count(int(every.sum()), 'response')} have no line of five tokens and are left out"
    )
    return f"{text}; nothing is left in {listed(gone)}." if gone else f"{text}."


def _recognised(result: xr.Dataset) -> str:
    """How many texts that are in their language the identifier passes, and where too few for a rate to mean much."""
    rates = result.mean_line_pass.mean("task")
    poor = [language(code) for code, rate in zip(rates["language"].values, rates.values, strict=True) if rate < _SURE]
    text = f"Of texts that are in the language, the same rule passes {percent(float(result.overall_line_pass.mean()))}"
    if not poor:
        return f"{text}."
    return f"{text}, but less than {percent(_SURE)} in {listed(poor)}: there a low rate may be the identifier's fault."


def mitigation(result: xr.Dataset) -> Finding:
    """Which settings change the share of right responses, in which languages, against the first setting.

    Reads `change[setting, language]` with its ends and `p_value`, `line_pass` and `compared`.
    """
    base = result.attrs["baseline"]
    others = result.sel(setting=[name for name in result.setting.values if name != base])
    known = np.isfinite(others.change.values)
    if not known.any():
        return Finding("No prompt has a response with a line of five tokens in two settings, so none can be compared.")
    if not np.nanmax(np.abs(others.change.values)):
        return Finding(f"No setting changes how many responses are in the language that is due, against {base!r}.")
    change, sure = others.change.values, others.p_value.values < _ALPHA
    cells = count(int(known.sum()), "cell")
    place = np.unravel_index(np.nanargmax(np.abs(np.where(sure.any() & ~sure, np.nan, change))), change.shape)
    cell = others.isel(setting=int(place[0]), language=int(place[1]))
    ends = f"{number(100 * float(cell.change_low))} to {number(100 * float(cell.change_high))}"
    which = "largest" if sure.any() else "largest, not beyond chance,"
    return finding(
        f"Against the setting {base!r}, responses wholly in the language that is due become more in "
        f"{int((sure & (change > 0)).sum())} and fewer in {int((sure & (change < 0)).sum())} of {cells} (corrected).",
        f"The {which} change is with {cell.setting.item()!r} in {language(cell['language'].item())}: "
        f"{number(100 * float(cell.change))} points ({ends}, {chance(float(cell.p_value))}, "
        f"{count(int(cell.compared), 'prompt')}).",
        _random(others, cell),
    )


def _random(others: xr.Dataset, cell: xr.Dataset) -> str:
    """What a random control did in the same language, where the setting switches a group off or adds a direction."""
    name = str(cell.setting.item())
    for prefix, words in _CONTROLS.items():
        control = name.replace(prefix, RANDOM, 1)
        if name.startswith(prefix) and control in others.setting.values:
            other = others.sel(setting=control, language=cell["language"])
            return f"{words} changes it by {number(100 * float(other.change))} points."
    return ""


WITHOUT, WITH, RANDOM = "without ", "with ", "random for "  # settings: without a group, with a direction, their control
_CONTROLS = {
    WITHOUT: "A random group of as many units in the same layers",
    WITH: "A random direction of the same lengths in the same layers",
}


def rates_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each task and language: the rates as means over sources, with intervals, and how many responses."""
    names = ["mean_line_pass", "mean_line_pass_low", "mean_line_pass_high", "mean_word_pass", "mean_lines_right"]
    rows = result[names].assign(result[["responses", "skipped"]].sum("source")).to_dataframe().reset_index()
    rows = rows.loc[rows["responses"] > 0].dropna(axis=1, how="all").round(3)
    rows["language"] = [language(code) for code in rows["language"]]
    if result.sizes["task"] == 1:
        rows = rows.drop(columns="task")
    words = {
        "mean_line_pass": "in the language",
        "mean_line_pass_low": "low",
        "mean_line_pass_high": "high",
        "mean_word_pass": "without English words",
        "mean_lines_right": "lines in the language",
    }
    return pd.DataFrame(rows).rename(columns=words).set_index("language")
