"""What the numbers say about accuracy by language: above chance, above the label prior."""

import numpy as np
import pandas as pd
import xarray as xr

from workbench.studies.findings.finding import Finding, finding
from workbench.text.display.words import count, language, listed, percent

_ALPHA = 0.05
_NEAR = 0.05  # of accuracy: an answer-only baseline that close to the accuracy says that the question hardly counts


def accuracy(result: xr.Dataset) -> Finding:
    """In how many languages the model is above chance, its best and worst, and what it would do without the question.

    Of written answers: in how many languages any is right, and how many could not be read. Reads `accuracy`, `low`,
    `high`, `p_value`, `chance`, `null` and `answer_only`, each [language].
    """
    if result.attrs.get("item_kind") == "generate":
        return _written(result)
    codes = result["language"].values.tolist()
    above = (result.p_value.values < _ALPHA) & (result.above.values > 0)
    base = "what its label prior earns" if result.attrs.get("fixed_labels") else "chance"
    sure = [language(code) for code, well in zip(codes, above, strict=True) if well]
    not_sure = [language(code) for code, well in zip(codes, above, strict=True) if not well]
    answer = f"The model is above {base} in {int(above.sum())} of {count(len(codes), 'language')}"
    answer += f": {listed(sure)}." if sure and not_sure else "."
    chances = result.chance.values
    return finding(
        answer,
        _spread(result),
        f"A random pick would be right in {_range(chances)} of the items.",
        _prior(result),
        _blind(result),
    )


def _written(result: xr.Dataset) -> Finding:
    """Where written answers are right at all, and how many told nothing. Counts that a log lacks are left out."""
    codes = result["language"].values.tolist()
    some = [language(code) for code, share in zip(codes, result.accuracy.values, strict=True) if share > 0]
    answer = f"The model writes right answers in {len(some)} of {count(len(codes), 'language')}"
    items = int(result["items"].sum())
    lost = {
        "unparsed": "no number can be read" if result.attrs.get("reads") == "numbers" else "nothing can be read",
        "unfinished": "the answer is cut at the most tokens",
        "truncated": "the first tokens of the prompt were dropped",
    }
    counts = [
        f"In {int(result[name].sum())} of {count(items, 'item')} {words}."
        for name, words in lost.items()
        if name in result and int(result[name].sum())
    ]
    return finding(
        f"{answer}: {listed(some)}." if some and len(some) < len(codes) else f"{answer}.",
        _spread(result) if some else f"The intervals still allow up to {percent(float(result.high.max()))}.",
        *counts,
        "A written answer is hardly right by chance, so the baseline is 0 and nothing is tested.",
    )


def _spread(result: xr.Dataset) -> str:
    """The languages of the highest and of the lowest accuracy."""
    best, worst = int(np.nanargmax(result.accuracy.values)), int(np.nanargmin(result.accuracy.values))
    spread = f"Most answers are right in {_share(result, best)}"
    return spread + (f", fewest in {_share(result, worst)}." if best != worst else ".")


def _share(result: xr.Dataset, place: int) -> str:
    """A language with its accuracy and interval."""
    row = result.isel(language=place)
    ends = f"{percent(float(row.low))} to {percent(float(row.high))}"
    items = count(int(row["items"]), "item")
    return f"{language(row['language'].item())}, {percent(float(row.accuracy))} ({ends}, {items})"


def _range(values: np.ndarray) -> str:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return percent(low) if high - low < 5e-4 else f"{percent(low)} to {percent(high)}"


def _prior(result: xr.Dataset) -> str:
    """Which languages' accuracies are no better than the label prior of their own picks."""
    codes = result["language"].values.tolist()
    poor = result.low.values <= result["null"].values
    names = [language(code) for code, low in zip(codes, poor, strict=True) if low]
    if not names:
        return "In every language the interval is above what the picks' label prior alone would earn."
    return f"What the picks' label prior alone would earn is within or above the interval in: {listed(names)}."


def _blind(result: xr.Dataset) -> str:
    """How much of the accuracy is there without the question."""
    blind = result.answer_only.values
    if not np.isfinite(blind).any():
        return ""
    text = f"With the question left out, {_range(blind)} would be right"
    codes = result["language"].values.tolist()
    near = [
        language(code)
        for code, with_question, without in zip(codes, result.accuracy.values, blind, strict=True)
        if with_question - without < _NEAR
    ]
    return f"{text}; the question adds less than 5 points in: {listed(near)}." if near else f"{text}."


def tasks(result: xr.Dataset) -> Finding:
    """In how many cells of a table of tasks the model is above its baseline: chance or, of fixed labels, their prior.

    Cells without a p-value are of written answers, whose baseline is 0. Reads `above`, `p_value` [task, language],
    `fixed_labels` [task] and `mean_headroom` [language].
    """
    tested = np.isfinite(result.p_value.values)
    written = np.isfinite(result.above.values) & ~tested
    above = (result.p_value.values < _ALPHA) & (result.above.values > 0)
    prior = result.fixed_labels.values.astype(bool) if "fixed_labels" in result else np.zeros(len(tested), dtype=bool)
    base = _baseline(result.task.values.tolist(), prior)
    lines = [
        f"The model is above {base} in {int(above.sum())} of {count(int(tested.sum()), 'cell')} of the table "
        "(corrected over all of it)."
    ][: int(tested.any())]
    if written.any():
        some = int((written & (result.above.values > 0)).sum())
        lines.append(f"Of the cells of written answers, {some} of {int(written.sum())} hold any right one.")
    if result.attrs.get("one_task"):
        lines.append(f"{result.attrs['one_task']} count as one task in the means.")
    complete = result.mean_headroom.dropna("language")
    if complete.sizes["language"]:
        best = complete.isel(language=int(complete.values.argmax()))
        left = "chance" if not prior.any() else "that baseline"
        lines.append(
            f"Over all tasks it gains most of what is left above {left} in {language(best['language'].item())}: "
            f"{percent(float(best))} of it."
            if float(best) > 0
            else f"Over all tasks it gains none of what is left above {left} in any language."
        )
    return finding(*lines)


def _baseline(names: list[str], prior: np.ndarray) -> str:
    """What the accuracies of these tasks are compared with."""
    labels = "what its label prior earns"
    if prior.all():
        return labels
    own = [name for name, fixed in zip(names, prior, strict=True) if fixed]
    return f"chance (in {listed(own)}: {labels})" if own else "chance"


def accuracy_table(result: xr.Dataset) -> pd.DataFrame:
    """A row for each language: accuracy, interval, chance, label prior, answer-only baseline, p, as far as known."""
    columns = {
        "accuracy": "accuracy",
        "low": "low",
        "high": "high",
        "chance": "chance",
        "null": "label prior",
        "answer_only": "without the question",
        "p_value": "p",
        "items": "items",
        "merged": "merged seams",
        "unparsed": "nothing read",
        "unfinished": "cut answers",
    }
    shown = [
        name
        for name in columns
        if name in result and not (result[name].dtype.kind == "f" and result[name].isnull().all())
    ]
    rows = result[shown].to_dataframe().rename(index=language)
    rows = rows.round({name: 3 for name in rows if name != "p_value"})
    if "p_value" in rows:
        rows["p_value"] = [float(f"{p:.2g}") for p in rows["p_value"]]
    return rows.rename(columns=columns)
