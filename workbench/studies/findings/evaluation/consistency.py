"""What the numbers say about consistency: are a model's picks alike across languages, beyond its accuracies?"""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import chance, count, language, number, percent

_ALPHA = 0.05
_HABIT = 0.2  # by how much more often than it is right the favourite place is picked, to be worth a sentence
_CEILING = 1 - 1e-9  # of the expected agreement: both accuracies are 1
_ROWS = 28  # of the table: all pairs of eight languages


def excess(result: xr.Dataset) -> Finding:
    """In how many pairs of languages picks agree more, and less, than their accuracies imply, and where most.

    Reads `agreement`, `expected`, `excess` and its ends, `p_value`, each [language_a, language_b].
    """
    pairs = _pairs(result)
    known = pairs.dropna(subset=["excess"])
    sure = pd.DataFrame(known.loc[known.p_value < _ALPHA])
    above, below = sure[sure.excess > 0], sure[sure.excess < 0]
    total = count(len(known), "pair")
    if not len(known):
        return Finding("No pair of languages was measured.")
    if all_right(result):
        return Finding(
            "In every pair of languages the answers are all right, so that agreement can be no other than the "
            "accuracies imply; harder items would tell."
        )
    answer = (
        f"In {len(above)} of {total} of languages the same options are picked more often than the accuracies imply "
        "(corrected)"
        if len(above) or not len(below)
        else f"In none of {total} of languages are the same options picked more often than the accuracies imply"
    )
    answer += f"; in {len(below)}, less often." if len(below) else "."
    if not len(sure):
        return finding(answer, _largest(known, "largest, not beyond chance,"))
    return finding(answer, _largest(sure, "largest that is beyond chance"))


def all_right(result: xr.Dataset) -> bool:
    """Whether all answers of every pair of languages are right, so that accuracies alone imply all agreement."""
    expected = _pairs(result).expected.dropna()
    return bool(len(expected)) and bool((expected > _CEILING).all())


def _largest(pairs: pd.DataFrame, which: str) -> str:
    """The pair whose excess is furthest from zero."""
    row = pairs.loc[pairs.excess.abs().idxmax()]
    return (
        f"The {which} is between {language(row.language_a)} and {language(row.language_b)}: "
        f"{number(100 * row.excess)} points (95 % interval {number(100 * row.excess_low)} to "
        f"{number(100 * row.excess_high)}, {chance(row.p_value)}), of an agreement of {percent(row.agreement)}."
    )


def agreement(result: xr.Dataset, answers: xr.Dataset | None = None) -> Finding:
    """How often all languages, and each with the pivot, have the same option picked; and what must not be read of it.

    Reads `unanimous`, `by_pivot` and, where they are there, their ends, and `items`.

    Args:
        result: of `wb.evaluation.consistency`.
        answers: of `wb.evaluation.accuracy`, for whether one place is picked by habit.
    """
    return finding(
        f"{percent(float(result.unanimous))}{_ends(result, 'unanimous')} of {count(int(result['items']), 'item')} have "
        f"one option picked in all {result.sizes['language']} languages.",
        _by_pivot(result),
        "Agreement rises with accuracy alone: what is beyond that is the excess. Do not rank models by "
        "agreement / accuracy (relative), which falls as accuracy rises.",
        "" if answers is None else _guessed(answers),
        "" if answers is None else habit(answers),
    )


def _guessed(answers: xr.Dataset) -> str:
    """That picks which are right by chance alone can agree by a common liking, as for short options."""
    if "p_value" not in answers or ((answers.p_value < _ALPHA) & (answers.above > 0)).any():
        return ""
    return (
        "In no language is the model above chance, so what agrees is what it likes in options, such as their length, "
        "and not what it knows."
    )


def _by_pivot(result: xr.Dataset) -> str:
    """Which language's picks agree most with the pivot's, and which least."""
    pivot = result.attrs["pivot"]
    others = result.by_pivot.sel(language=[code for code in result["language"].values if code != pivot])
    codes = [others["language"].values[place] for place in (others.values.argmax(), others.values.argmin())]
    cells = [result.sel(language=code) for code in codes]
    best, worst = (f"{percent(float(cell.by_pivot))}{_ends(cell, 'by_pivot')}" for cell in cells)
    if codes[0] == codes[1]:
        same = "Each other language" if others.size > 1 else language(codes[0])
        return f"{same} has the option of {language(pivot)} picked in {best}."
    return (
        f"The option of {language(pivot)} is picked most often in {language(codes[0])}, {best}, least often in "
        f"{language(codes[1])}, {worst}."
    )


def _ends(result: xr.Dataset, name: str) -> str:
    """The interval of a share in brackets; empty where it has none, or one without width, as all draws are alike."""
    if f"{name}_low" not in result or np.isclose(result[f"{name}_low"], result[f"{name}_high"]):
        return ""
    return f" ({percent(float(result[f'{name}_low']))} to {percent(float(result[f'{name}_high']))})"


def habit(answers: xr.Dataset) -> str:
    """That one place among the options is picked far more often than it is right: such picks agree by habit alone.

    Reads `choice[language, item]` and `gold[item, option]`.
    """
    picks = answers["choice"].values
    picks = picks[picks >= 0].astype(int)
    often = np.bincount(picks, minlength=answers.sizes["option"]) / max(1, picks.size)
    right = answers["gold"].values.astype(bool).mean(0)
    place = int((often - right).argmax())
    if often[place] - right[place] < _HABIT:
        return ""
    return (
        f"Option {place + 1} is picked in {percent(float(often[place]))} of all cases and right in "
        f"{percent(float(right[place]))}: a habit of picking one place agrees with itself in every language, and this "
        "agreement and its excess are no sign of shared knowledge."
    )


def _pairs(result: xr.Dataset) -> pd.DataFrame:
    """A row for each pair of languages."""
    names = ["agreement", "expected", "excess", "excess_low", "excess_high", "p_value"]
    rows = result[names].to_dataframe().reset_index()
    codes = result["language_a"].values.tolist()
    first = [codes.index(a) < codes.index(b) for a, b in zip(rows.language_a, rows.language_b, strict=True)]
    return pd.DataFrame(rows.loc[first])


def pairs_table(result: xr.Dataset) -> pd.DataFrame:
    """The pairs of languages with the largest excess, 28 at most: agreement, what is expected, excess, p."""
    rows = _pairs(result)
    rows = rows.loc[rows.excess.abs().sort_values(ascending=False, kind="stable").index].head(_ROWS)
    rows.index = pd.Index(
        [f"{language(a)} – {language(b)}" for a, b in zip(rows.language_a, rows.language_b, strict=True)], name="pair"
    )
    table = rows.drop(columns=["language_a", "language_b"]).round(3)
    table["p_value"] = [float(f"{p:.2g}") for p in rows["p_value"]]
    return table.rename(columns={"excess_low": "low", "excess_high": "high", "p_value": "p"})
