"""The rules of every table of accuracies: chance, label prior, answer-only baseline, intervals and tests."""

from dataclasses import dataclass

import numpy as np

from workbench.results.bootstrap import ends_of_known_draws, weights
from workbench.results.make import Variables
from workbench.results.proportions import above_chance, label_prior, wilson
from workbench.results.statistics import corrected, interval

_CELLS = ("language", "item")


@dataclass(frozen=True)
class Answers:
    """What was picked and what is right.

    Attributes:
        score: [language, item, option]; NaN where there is no option.
        choice: the picked option, [language, item] int; -1 where the language lacks the item.
        golds: whether an option counts as right, [item, option] bool.
        blind: what is picked with the question left out, [language, item]; None where it was not measured.
        fixed_labels: the options are the same texts in every item.
        aligned: item i says the same in every language.
    """

    score: np.ndarray
    choice: np.ndarray
    golds: np.ndarray
    blind: np.ndarray | None
    fixed_labels: bool
    aligned: bool


def summary(
    answers: Answers, languages: list[str], *, level: float, seed: int
) -> tuple[Variables, dict[str, float | str]]:
    """The variables [language] of a Result of accuracies, and its means over languages as attributes."""
    correct = right(answers.choice, answers.golds)
    items = (answers.choice >= 0).sum(1)
    rows: dict[str, list[float]] = {
        name: [] for name in ("low", "high", "chance", "null", "majority", "answer_only", "p")
    }
    for k in range(len(languages)):
        seen = answers.choice[k] >= 0
        chances = answers.golds[seen].sum(1) / np.maximum((~np.isnan(answers.score[k, seen])).sum(1), 1)
        hits = int(np.nansum(correct[k]))
        low, high = wilson(hits, int(items[k]), level=level)
        null = label_prior(answers.choice[k, seen], answers.golds[seen])
        majority = float(answers.golds[seen].mean(0).max()) if seen.any() else np.nan
        expected = np.full(int(seen.sum()), null) if answers.fixed_labels else chances
        blind = (
            np.nan if answers.blind is None else float(np.mean(right(answers.blind[k : k + 1], answers.golds)[0, seen]))
        )
        values = (low, high, _mean(chances), null, majority, blind, above_chance(hits, expected, seed=seed))
        for name, value in zip(rows, values, strict=True):
            rows[name].append(value)
    column = {name: np.array(values) for name, values in rows.items()}
    variables = _by_language(correct, column, items, fixed_labels=answers.fixed_labels, level=level)
    picked: Variables = {"choice": (_CELLS, answers.choice, "picked option, -1 where the language lacks the item")}
    return picked | variables, _means(correct, items, aligned=answers.aligned, level=level, seed=seed)


def written_summary(
    correct: np.ndarray, *, aligned: bool, level: float, seed: int
) -> tuple[Variables, dict[str, float | str]]:
    """As `summary`, of written answers, 1 where right [language, item]: nobody guesses a text, so chance is 0.

    A test against 0 would call one right answer significant: there are no p-values, label prior or other baseline.
    """
    items = (~np.isnan(correct)).sum(1)
    hits = np.rint(np.nansum(correct, 1)).astype(int)
    unknown = np.full(len(correct), np.nan)
    column = {"null": unknown, "majority": unknown, "answer_only": unknown, "p": unknown}
    column["chance"] = np.zeros(len(correct))
    column["low"], column["high"] = wilson(hits, items, level=level)
    variables = _by_language(correct, column, items, fixed_labels=False, level=level)
    return variables, _means(correct, items, aligned=aligned, level=level, seed=seed)


def _by_language(
    correct: np.ndarray, column: dict[str, np.ndarray], items: np.ndarray, *, fixed_labels: bool, level: float
) -> Variables:
    """The variables of a Result, from right answers [language, item] and numbers by language."""
    accuracy = np.array([_mean(row[~np.isnan(row)]) for row in correct])
    baseline = column["null"] if fixed_labels else column["chance"]
    ends = f"of Wilson's {level:.0%} interval of accuracy"
    over = "what the label prior earns" if fixed_labels else "chance"
    by_language = ("language",)
    return {
        "correct": (_CELLS, correct, "1 where the answer is right"),
        "accuracy": (by_language, accuracy, "share of items answered right"),
        "low": (by_language, column["low"], f"lower end {ends}"),
        "high": (by_language, column["high"], f"upper end {ends}"),
        "chance": (by_language, column["chance"], "accuracy of a random pick"),
        "null": (by_language, column["null"], "accuracy that the picks' label prior earns"),
        "majority": (by_language, column["majority"], "share of the most frequent right label"),
        "answer_only": (by_language, column["answer_only"], "accuracy with the question left out"),
        "above": (by_language, 100 * (accuracy - baseline), f"accuracy above {over} [points]"),
        "above_low": (by_language, 100 * (column["low"] - baseline), f"lower end {ends}, above {over} [points]"),
        "above_high": (by_language, 100 * (column["high"] - baseline), f"upper end {ends}, above {over} [points]"),
        "p_value": (
            by_language,
            corrected(column["p"]),
            f"p-value that accuracy is at {over}, corrected over the languages",
        ),
        "p_single": (by_language, column["p"], f"p-value that accuracy is at {over}, before correction"),
        "items": (by_language, items, "items"),
    }


def right(choice: np.ndarray, golds: np.ndarray) -> np.ndarray:
    """1 where the picked option is right, [language, item] float; NaN where nothing was picked."""
    hit = np.take_along_axis(
        np.broadcast_to(golds, (*choice.shape, golds.shape[1])), np.maximum(choice, 0)[..., None], 2
    )
    return np.where(choice < 0, np.nan, hit[..., 0].astype(float))


def _means(correct: np.ndarray, items: np.ndarray, *, aligned: bool, level: float, seed: int) -> dict[str, float | str]:
    """Mean over languages (macro) with its bootstrap interval, and the item-weighted mean.

    An item is drawn once with all its languages; see `mean_interval`.
    """
    share = np.array([_mean(row[~np.isnan(row)]) for row in correct])
    low, high = mean_interval(correct, aligned=aligned, level=level, seed=seed)
    weighted = float(np.nansum(correct) / max(1, items.sum()))
    return {"mean": float(np.nanmean(share)), "mean_low": low, "mean_high": high, "mean_of_items": weighted}


def mean_interval(values: np.ndarray, *, aligned: bool, level: float, seed: int) -> tuple[float, float]:
    """Bootstrap interval of the mean over languages of each language's mean over items, [language, item].

    Items that languages share are drawn once with all their languages, so that errors that languages share stay: where
    every row is complete, the mean over languages is a number of each row, and rows are drawn; where cells are
    missing, each language's mean is over its own part of the drawn rows. Languages without a common item draw apart.
    """
    missing = np.isnan(values)
    if aligned and not missing.any():
        low, high = interval(values.mean(0), level=level, seed=seed)
        return float(low), float(high)
    present = [row[~gone] for row, gone in zip(values, missing, strict=True)]
    if any(len(row) < 2 for row in present):
        return float("nan"), float("nan")
    if missing.any() and ((~missing).sum(0) > 1).any():
        drawn = weights(values.shape[1], 1000, seed)
        with np.errstate(invalid="ignore"):  # a draw without any item of a language tells nothing of the mean
            draws = ((drawn @ np.where(missing, 0, values).T) / (drawn @ ~missing.T)).mean(1)
    else:
        draws = np.zeros(1000)
        generator = np.random.default_rng(seed)
        for row in present:
            draws += row[generator.integers(0, len(row), (1000, len(row)))].mean(1) / len(present)
    low, high = ends_of_known_draws(draws, level)
    return float(low), float(high)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
