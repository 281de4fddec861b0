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


def under(excess, p, control_low=-1.0, control_high=1.0):
    cells = ("group", "language")
    values = {"excess": excess, "excess_low": np.array(excess) - 2, "excess_high": np.array(excess) + 2, "p_value": p}
    values |= {"delta": excess, "control_low": np.full((2, 2), control_low)}
    values["control_high"] = np.full((2, 2), control_high)
    return xr.Dataset({name: (cells, value) for name, value in values.items()}, {"group": CODES, "language": CODES})


def test_an_edit_names_the_largest_loss_and_the_diagonal():
    said = findings.under(under([[-30.0, -2.0], [-4.0, -10.0]], [[0.001, 0.5], [0.5, 0.03]]))
    assert said.answer == (
        "Without the group of German, German loses most beyond random groups: 30 points of accuracy (change -32 to "
        "-28, p 0.001)."
    )
    assert said.details == (
        "2 of 4 cells lose more than with random groups (corrected).",
        "A language's own group changes its accuracy by -20 points beyond the mean of random groups, that of the "
        "others by -3; in 2 of 2 languages that change is beyond the random groups themselves.",
    )


def test_the_diagonal_says_whether_it_is_beyond_the_random_groups_themselves():
    p = [[0.5] * 2] * 2
    ending = "of 2 languages that change is beyond the random groups themselves."
    for ends, outside in (((-20.0, 1.0), 1), ((-99.0, 99.0), 0), ((-30.0, 1.0), 0), ((-99.0, -20.0), 1)):
        text = findings.under(under([[-30.0, -2.0], [-4.0, -10.0]], p, *ends)).text
        assert text.endswith(f"in {outside} {ending}"), ends
    raised = findings.under(under([[3.0, 2.0], [4.0, 0.5]], p, -1.0, 1.0)).text
    assert "A language's own group changes its accuracy by 1.75 points beyond the mean of random groups" in raised
    assert raised.endswith(f"in 1 {ending}"), "a gain beyond every random group counts as well"


def test_without_controls_nothing_is_claimed():
    nothing = np.full((2, 2), np.nan)
    assert "No random groups were measured" in findings.under(under(nothing, nothing)).answer


def test_a_loss_within_the_spread_of_random_groups_is_beyond_their_mean_only():
    effects = under([[-30.0, -2.0], [-4.0, -10.0]], [[0.001, 0.5], [0.5, 0.03]], control_low=-20.0)
    text = findings.under(effects).text
    assert "1 of 4 cells lose more than with random groups (corrected)." in text
    assert "1 more lose beyond the mean of random groups" in text
    text = findings.under(under([[-30.0, -2.0], [-4.0, -10.0]], [[0.001, 0.5], [0.5, 0.03]], control_low=-99.0)).text
    assert "German loses most beyond the mean of random groups: 30 points" in text and "0 of 4 cells" in text


def test_another_measure_is_named():
    effects = under([[-30.0, -2.0], [-4.0, -10.0]], [[0.001, 0.5], [0.5, 0.03]]).assign_attrs(measure="agreement")
    text = findings.under(effects).text
    assert "30 points of agreement with the other languages (change" in text and "accuracy" not in text
    assert "own group changes its agreement with the other languages by -20 points" in text
    lines = findings.under(effects.assign_attrs(measure="line_pass")).text
    assert "30 points of responses in the right language (change" in lines


def test_directions_are_added_and_not_taken_away():
    p = [[0.001, 0.5], [0.5, 0.03]]
    effects = under([[-30.0, -2.0], [-4.0, -10.0]], p).assign_attrs(unit="direction", measure="consistency")
    text = findings.under(effects).text
    assert text.startswith("With the direction of German, German loses most beyond random directions: 30 points of ")
    assert "consistency with the other languages" in text and "own direction changes its consistency" in text
    assert "group" not in text and "Without" not in text
    nothing = np.full((2, 2), np.nan)
    alone = findings.under(under(nothing, nothing).assign_attrs(unit="direction")).answer
    assert alone == "No random directions were measured, so no change can be told from that of any other direction."


def test_no_loss_is_not_a_negative_loss():
    answer = findings.under(under([[3.0, 2.0], [4.0, 1.5]], [[0.5] * 2] * 2)).answer
    assert (
        answer == "Without none of the groups does a language lose more accuracy than with the mean of random groups."
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
