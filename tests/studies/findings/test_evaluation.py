"""Findings about accuracy, on known numbers."""

import numpy as np
import xarray as xr

from workbench.studies.findings.evaluation import accuracy as findings

CODES = ["de", "ja"]


def result(**changes):
    numbers = {
        "accuracy": [0.8, 0.3],
        "low": [0.7, 0.2],
        "high": [0.9, 0.4],
        "above": [55.0, 5.0],
        "p_value": [0.001, 0.4],
        "chance": [0.25, 0.25],
        "null": [0.26, 0.27],
        "answer_only": [0.3, 0.28],
        "items": [40, 40],
        **changes,
    }
    return xr.Dataset({name: ("language", values) for name, values in numbers.items()}, {"language": CODES})


def test_accuracy_names_languages_above_chance_and_what_the_question_adds():
    said = findings.accuracy(result())
    assert said.answer == "The model is above chance in 1 of 2 languages: German."
    assert said.details == (
        "Most answers are right in German, 80 % (70 % to 90 %, 40 items), fewest in Japanese, 30 % (20 % to 40 %, "
        "40 items).",
        "A random pick would be right in 25 % of the items.",
        "What the picks' label prior alone would earn is within or above the interval in: Japanese.",
        "With the question left out, 28 % to 30 % would be right; the question adds less than 5 points in: Japanese.",
    )


def test_accuracy_of_fixed_labels_is_compared_with_the_label_prior():
    said = findings.accuracy(result(p_value=[0.5, 0.4], answer_only=[np.nan] * 2).assign_attrs(fixed_labels=1))
    assert said.answer == "The model is above what its label prior earns in 0 of 2 languages."
    assert len(said.details) == 3


def test_a_table_of_tasks():
    cells = ("task", "language")
    table = xr.Dataset(
        {
            "above": (cells, [[50.0, 1.0], [10.0, np.nan]]),
            "p_value": (cells, [[0.001, 0.5], [0.02, np.nan]]),
            "mean_headroom": ("language", [0.4, np.nan]),
        },
        {"task": ["x", "y"], "language": CODES},
    )
    assert findings.tasks(table).text == (
        "The model is above chance in 2 of 3 cells of the table (corrected over all of it). Over all tasks it gains "
        "most of what is left above chance in German: 40 % of it."
    )


def test_a_table_says_which_tasks_are_compared_with_the_label_prior_and_that_nothing_is_gained():
    cells = ("task", "language")
    values = {"above": (cells, [[-5.0, 1.0]] * 2), "p_value": (cells, [[0.9, 0.5]] * 2)}
    table = xr.Dataset(
        {**values, "mean_headroom": ("language", [-0.4, -0.1]), "fixed_labels": ("task", [0, 1])},
        {"task": ["x", "y"], "language": CODES},
    )
    assert findings.tasks(table).text == (
        "The model is above chance (in y: what its label prior earns) in 0 of 4 cells of the table (corrected over all "
        "of it). Over all tasks it gains none of what is left above that baseline in any language."
    )
    table["fixed_labels"] = ("task", [1, 1])
    assert findings.tasks(table).answer.startswith("The model is above what its label prior earns in 0 of 4 cells")


def written(**changes):
    numbers = {
        "accuracy": [0.25, 0.0],
        "low": [0.1, 0.0],
        "high": [0.5, 0.3],
        "items": [8, 8],
        "unparsed": [2, 1],
        "unfinished": [0, 0],
        **changes,
    }
    answers = xr.Dataset({name: ("language", values) for name, values in numbers.items()}, {"language": CODES})
    return answers.assign_attrs(item_kind="generate", reads="numbers")


def test_written_answers_are_compared_with_nothing():
    said = findings.accuracy(written())
    assert said.answer == "The model writes right answers in 1 of 2 languages: German."
    assert said.details == (
        "Most answers are right in German, 25 % (10 % to 50 %, 8 items), fewest in Japanese, 0 % (0 % to 30 %, "
        "8 items).",
        "In 3 of 16 items no number can be read.",
        "A written answer is hardly right by chance, so the baseline is 0 and nothing is tested.",
    )
    none = findings.accuracy(written(accuracy=[0.0, 0.0], unfinished=[1, 0]))
    assert none.answer == "The model writes right answers in 0 of 2 languages."
    assert none.details[0] == "The intervals still allow up to 50 %."
    assert "In 1 of 16 items the answer is cut at the most tokens." in none.details
    assert "unparsed" not in findings.accuracy_table(written()).columns
    assert findings.accuracy_table(written())["nothing read"].tolist() == [2, 1]
    assert "p" not in findings.accuracy_table(written().assign(p_value=("language", [np.nan] * 2))).columns


def test_a_table_of_written_answers_claims_no_test():
    cells = ("task", "language")
    table = xr.Dataset(
        {
            "above": (cells, [[50.0, 0.0], [10.0, 10.0]]),
            "p_value": (cells, [[np.nan, np.nan], [0.02, 0.9]]),
            "mean_headroom": ("language", [0.4, 0.1]),
        },
        {"task": ["sums", "xnli"], "language": CODES},
        {"one_task": "mnli, xnli"},
    )
    assert findings.tasks(table).text == (
        "The model is above chance in 1 of 2 cells of the table (corrected over all of it). Of the cells of written "
        "answers, 1 of 2 hold any right one. mnli, xnli count as one task in the means. Over all tasks it gains most "
        "of what is left above chance in German: 40 % of it."
    )
    alone = findings.tasks(table.isel(task=[0]))
    assert alone.answer == "Of the cells of written answers, 1 of 2 hold any right one."
