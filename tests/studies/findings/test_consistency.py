"""Findings about consistency, on planted picks whose agreement is known."""

import numpy as np
import pytest
import xarray as xr

from workbench.evaluation import consistency
from workbench.results.make import make_result
from workbench.studies.findings.evaluation import consistency as findings

CODES = ["en", "de", "ja"]


def answers(choice, gold, options=4):
    """A Result of accuracy with these picks [language, item] and golds [item]."""
    choice, gold = np.array(choice), np.array(gold)
    cells = ("language", "item", "option")
    return make_result(
        {
            "score": (cells, np.zeros((*choice.shape, options)), "score"),
            "choice": (cells[:2], choice, "pick"),
            "gold": (cells[1:], np.arange(options) == gold[:, None], "right"),
        },
        {"language": CODES[: len(choice)]},
        method="evaluation.accuracy",
        parameters={},
        attrs={"aligned": 1},
    )


def drawn(copied, items=400, seed=0):
    """Picks: Japanese draws its own, German copies the English pick in a share of the items."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 4, items)
    picks = rng.integers(0, 4, (3, items))
    same = rng.random(items) < copied
    picks[1, same] = picks[0, same]
    return answers(picks, gold)


def test_a_planted_copy_is_the_pair_that_agrees_beyond_its_accuracies():
    made = drawn(0.6)
    said = findings.excess(consistency(made))
    assert said.answer == (
        "In 1 of 3 pairs of languages the same options are picked more often than the accuracies imply (corrected)."
    )
    assert said.details[0].startswith("The largest that is beyond chance is between English and German: ")
    assert "a habit" not in findings.agreement(consistency(made), made).text


def test_independent_picks_are_not_beyond_chance():
    said = findings.excess(consistency(drawn(0.0)))
    assert said.answer.startswith("In 0 of 3 pairs of languages the same options are picked more often than")
    assert said.details[0].startswith("The largest, not beyond chance, is between ")


def test_picks_that_avoid_each_other_are_said_to_agree_less():
    gold = np.zeros(300, int)
    first = np.arange(300) % 3 + 1
    said = findings.excess(consistency(answers([first, first % 3 + 1], gold)))
    assert said.answer == (
        "In none of 1 pair of languages are the same options picked more often than the accuracies imply; in 1, less "
        "often."
    )
    assert "-33.3 points" in said.details[0]


def test_where_all_answers_are_right_nothing_is_claimed():
    gold = np.arange(40) % 4
    said = findings.excess(consistency(answers([gold, gold, gold], gold)))
    assert said.answer.startswith("In every pair of languages the answers are all right") and not said.details


def test_one_place_picked_by_habit_is_no_shared_knowledge():
    gold = np.arange(40) % 4
    made = answers([np.zeros(40, int)] * 2, gold)
    said = findings.agreement(consistency(made), made)
    assert said.answer == "100 % of 40 items have one option picked in all 2 languages."
    assert said.details[0] == "German has the option of English picked in 100 %."
    assert "Do not rank models by agreement / accuracy (relative), which" in said.details[1] and "`" not in said.text
    assert said.details[2].startswith("Option 1 is picked in 100 % of all cases and right in 25 %: a habit")


@pytest.mark.parametrize("p", [0.01, 0.5])
def test_agreement_of_guesses_is_said_to_be_no_knowledge(p):
    made = drawn(0.6)
    tested = made.assign(p_value=("language", [p, 0.6, 0.7]), above=("language", [5.0, 1.0, -1.0]))
    text = findings.agreement(consistency(made), tested).text
    assert ("In no language is the model above chance" in text) == (p > 0.05)


def test_intervals_of_the_shares_are_given_where_they_are_there():
    made = consistency(drawn(0.6))
    by_language = ("language", np.full(3, 0.25)), ("language", np.full(3, 0.75))
    ends = {
        "unanimous_low": 0.1,
        "unanimous_high": 0.3,
        "by_pivot_low": by_language[0],
        "by_pivot_high": by_language[1],
    }
    said = findings.agreement(
        made.assign({name: xr.Variable(*value) if isinstance(value, tuple) else value for name, value in ends.items()})
    )
    assert said.answer.split(" of ")[0].endswith("(10 % to 30 %)")
    assert said.details[0].count("(25 % to 75 %)") == 2


def test_the_table_has_a_row_for_each_pair():
    table = findings.pairs_table(consistency(drawn(0.6)))
    assert table.index[0] == "English – German" and len(table) == 3
    assert list(table) == ["agreement", "expected", "excess", "low", "high", "p"]
    row = table.iloc[0]
    assert row.excess == pytest.approx(row.agreement - row.expected, abs=2e-3)
