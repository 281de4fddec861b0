"""Findings about edits, on planted numbers: each sentence where it holds, and where it does not."""

import numpy as np
import pytest
import xarray as xr

from workbench.studies.findings.evaluation import edits as findings

CODES = ["de", "ja"]
CELLS = ("group", "language")
LOSSES, SURE = [[-30.0, -2.0], [-4.0, -10.0]], [[0.001, 0.5], [0.5, 0.03]]


def under(delta, p, *, random=0.0, width=1.0, spread=1.0, controls=20, **attrs):
    """A Result of planted changes: with random groups all change by `random`; intervals of `width` on either side."""
    delta, random = np.array(delta, dtype=float), np.full((2, 2), random, dtype=float)
    values = {"delta": delta, "low": delta - width, "high": delta + width, "control_mean": random}
    values |= {"control_low": random - spread, "control_high": random + spread, "excess": delta - random}
    values |= {"excess_low": delta - random - 2, "excess_high": delta - random + 2, "p_value": np.array(p)}
    made = xr.Dataset({name: (CELLS, value) for name, value in values.items()}, {"group": CODES, "language": CODES})
    made["control_delta"] = (("group", "control", "language"), np.zeros((2, controls, 2)))
    return made.assign_attrs(attrs)


def pairs(expected):
    """A Result of consistency of two languages."""
    values = np.array([[np.nan, expected], [expected, np.nan]])
    names = ["agreement", "expected", "excess", "excess_low", "excess_high", "p_value"]
    axes = ("language_a", "language_b")
    return xr.Dataset(dict.fromkeys(names, (axes, values)), dict.fromkeys(axes, CODES))


def test_the_largest_loss_and_the_diagonal_are_given_with_their_own_intervals():
    said = findings.under(under(LOSSES, SURE, random=-1.0))
    assert said.answer == (
        "Without the group of German, German loses most beyond random groups: it changes by -30 points of accuracy (95 "
        "% interval -31 to -29), with random groups by -1 on average; the excess beyond random is -29 (-31 to -27, p "
        "0.001)."
    )
    assert said.details == (
        "2 of 4 cells lose more than random groups (corrected).",
        "In 4 of 4 cells the change itself is a loss (its own interval, which is not corrected, is below 0).",
        "A language's own group changes its accuracy by -20 points on average, random groups by -1 (a difference of "
        "-19); that of the others by -3 points on average, random groups by -1 (a difference of -2); in 2 of 2 "
        "languages the own change is beyond the random groups themselves.",
    )


@pytest.mark.parametrize("change", [0.0, -1.0])
def test_nothing_is_lost_where_only_the_random_groups_gain(change):
    """The change is 0, or its interval reaches 0, while random groups raise the measure: p alone is no loss."""
    for p in (0.4, 0.001):
        said = findings.under(under(np.full((2, 2), change), np.full((2, 2), p), random=7.5, measure="consistency"))
        assert said.answer == (
            "No loss of consistency with the other languages beyond random groups can be shown (corrected over 4 "
            "cells)."
        )
        assert "loses" not in said.text and "cells lose" not in said.text
        assert f"German changes by {change:.0f} points of consistency with the other languages (95 %" in said.text
        assert f"with random groups by +7.5 on average; the excess beyond random is {change - 7.5:.3g} (" in said.text
        assert "What is below random there is a gain with random groups, and no loss that can be shown." in said.text
        assert ("In 4 the change is below random groups, but no loss itself" in said.text) == (p < 0.05)
        assert "the change itself is a loss" not in said.text


def test_a_loss_while_random_groups_gain_is_a_loss():
    text = findings.under(under(np.full((2, 2), -5.0), np.full((2, 2), 0.001), random=7.5)).text
    assert "German loses most beyond random groups: it changes by -5 points" in text
    assert "4 of 4 cells lose more" in text and "no loss" not in text


def test_a_loss_that_no_corrected_test_shows_beyond_random_groups_is_not_the_headline():
    said = findings.under(under(LOSSES, np.full((2, 2), 0.3)))
    assert said.answer == "No loss of accuracy beyond random groups can be shown (corrected over 4 cells)."
    assert said.details[0].startswith(
        "Furthest below random groups: without the group of German, German changes by -30"
    )
    assert "In 4 of 4 cells the change itself is a loss" in said.text
    assert "loses" not in said.text and "gain with random" not in said.text


def test_a_loss_within_the_spread_of_random_groups_is_beyond_their_mean_only():
    text = findings.under(under(LOSSES, SURE, spread=20)).text
    assert "1 of 4 cells lose more than random groups (corrected)." in text
    assert "In 1 the change is below the mean of random groups, within the spread between those groups." in text
    said = findings.under(under(LOSSES, SURE, spread=99))
    assert said.answer.startswith("No loss of accuracy beyond random groups can be shown")
    assert "In 2 the change is below the mean of random groups, within the spread" in said.text


def test_no_change_below_random_groups_is_no_negative_loss():
    said = findings.under(under([[3.0, 2.0], [4.0, 1.5]], [[0.001] * 2] * 2))
    assert said.answer.startswith("No loss of accuracy beyond random groups can be shown")
    assert said.details[0] == "In no cell is the change below the mean of random groups."


def test_the_diagonal_says_whether_it_is_beyond_the_random_groups_themselves():
    ending = "of 2 languages the own change is beyond the random groups themselves."
    for spread, outside in ((15.0, 1), (99.0, 0), (30.0, 0), (5.0, 2)):
        text = findings.under(under(LOSSES, [[0.5] * 2] * 2, spread=spread)).text
        assert text.endswith(f"in {outside} {ending}"), spread
    raised = findings.under(under([[3.0, 2.0], [4.0, 0.5]], [[0.5] * 2] * 2)).text
    assert (
        "own group changes its accuracy by +1.75 points on average, random groups by 0 (a difference of +1.7" in raised
    )
    assert raised.endswith(f"in 1 {ending}"), "a gain beyond every random group counts as well"


def test_a_loss_smaller_than_that_of_random_directions_is_no_gain():
    text = findings.under(under(np.full((2, 2), -62.5), [[0.9] * 2] * 2, random=-68.75, unit="direction")).text
    assert (
        "A language's own direction changes its accuracy by -62.5 points on average, random directions by -68.8 (a "
        "difference of +6.25)" in text
    )


@pytest.mark.parametrize(("controls", "least"), [(1, "0.5"), (3, "0.25"), (18, "0.0526")])
def test_few_random_groups_show_little(controls, least):
    word = "group" if controls == 1 else "groups"
    text = findings.under(under(LOSSES, SURE, controls=controls)).text
    assert f"With {controls} random {word} no p below {least} is possible against the random groups themselves" in text
    assert "the own change is beyond the random groups themselves" not in text
    assert "loses most beyond the mean of random groups" in text and "more than the mean of random groups" in text


def test_enough_random_groups_need_no_warning():
    for controls in (19, 20):
        assert "no p below" not in findings.under(under(LOSSES, SURE, controls=controls)).text


def test_consistency_that_cannot_be_measured_is_not_lost_under_an_edit():
    effects = under(np.full((2, 2), -1.0), [[0.4] * 2] * 2, random=7.5, controls=3, measure="consistency")
    said = findings.under(effects, pairs(1.0))
    assert said.answer.startswith("Without an edit the answers are all right in every pair of languages, so that")
    assert "consistency cannot be measured on these items, and no loss of it can be shown" in said.answer
    assert "changes by -1 points" in said.text and "With 3 random groups no p below 0.25" in said.text
    for measure, plain in (("consistency", pairs(0.9)), ("consistency", None), ("agreement", pairs(1.0))):
        other = findings.under(effects.assign_attrs(measure=measure), plain).answer
        assert other.startswith(f"No loss of {measure} with the other languages beyond"), measure
    assert findings.under(effects, pairs(np.nan)).answer.startswith("No loss of consistency"), "no pair was measured"


def test_without_controls_nothing_is_claimed():
    effects = under(LOSSES, SURE, random=np.nan, controls=0)
    assert findings.under(effects).text == (
        "No random groups were measured, so no change can be told from that of any other group."
    )
    alone = findings.under(effects.assign_attrs(unit="direction")).answer
    assert alone == "No random directions were measured, so no change can be told from that of any other direction."
    assert "cannot be measured" in findings.under(effects.assign_attrs(measure="consistency"), pairs(1.0)).text


def test_another_measure_is_named():
    text = findings.under(under(LOSSES, SURE, measure="agreement")).text
    assert "-30 points of agreement with the other languages (95 %" in text and "accuracy" not in text
    assert "own group changes its agreement with the other languages by -20 points" in text
    assert (
        "-30 points of responses in the right language ("
        in findings.under(under(LOSSES, SURE, measure="line_pass")).text
    )


def test_directions_are_added_and_not_taken_away():
    text = findings.under(under(LOSSES, SURE, unit="direction", measure="consistency")).text
    assert text.startswith("With the direction of German, German loses most beyond random directions: it changes by ")
    assert "own direction changes its consistency" in text and "group" not in text and "Without" not in text
    none = findings.under(under(LOSSES, [[0.5] * 2] * 2, unit="direction")).details[0]
    assert none.startswith("Furthest below random directions: with the direction of German, German changes by -30")


def test_a_table_has_a_row_for_each_group_and_language():
    table = findings.effects_table(under(LOSSES, [[0.00123, 0.5], [np.nan, 0.03]], random=1.0))
    assert table.index.tolist() == [f"without {name}" for name in ("German", "German", "Japanese", "Japanese")]
    assert table["language"].tolist() == ["German", "Japanese"] * 2
    assert table["change"].tolist() == [-30, -2, -4, -10] and table["beyond random"].tolist() == [-31, -3, -5, -11]
    assert table.iloc[0].tolist() == ["German", -30, -31, -29, 1, -31, -33, -29, 0.0012]
    assert np.isnan(table["p"].iloc[2])
    added = findings.effects_table(under(LOSSES, SURE, unit="direction"))
    assert table.index.name == "group" and added.index.name == "direction" and added.index[0] == "with German"
