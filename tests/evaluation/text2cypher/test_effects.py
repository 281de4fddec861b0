"""Gaps, shares of variance and their intervals: by hand, by loops, and planted."""

import numpy as np
import pytest

from workbench.evaluation.text2cypher.effects import FACTORS, effects, shares


def loop_shares(table):
    """Sums of squares of a two-way table, cell by cell."""
    rows, columns = len(table), len(table[0])
    grand = sum(map(sum, table)) / (rows * columns)
    row_means = [sum(row) / columns for row in table]
    column_means = [sum(row[j] for row in table) / rows for j in range(columns)]
    total = sum((value - grand) ** 2 for row in table for value in row)
    prompt = sum((row_means[i] - grand) ** 2 for i in range(rows) for _ in range(columns))
    question = sum((column_means[j] - grand) ** 2 for j in range(columns) for _ in range(rows))
    both = sum((table[i][j] - row_means[i] - column_means[j] + grand) ** 2 for i in range(rows) for j in range(columns))
    return [prompt / total, question / total, both / total]


def test_shares_by_hand():
    assert shares(np.array([[1.0, 1], [0, 0]])) == pytest.approx([1, 0, 0])
    assert shares(np.array([[1.0, 0], [1, 0]])) == pytest.approx([0, 1, 0])
    assert shares(np.array([[1.0, 0], [0, 1]])) == pytest.approx([0, 0, 1])
    assert np.isnan(shares(np.full((2, 3), 0.1))).all()


@pytest.mark.parametrize("seed", range(5))
def test_shares_equal_loops_and_add_up(seed):
    table = np.random.default_rng(seed).normal(size=(3, 4))
    assert shares(table) == pytest.approx(loop_shares(table.tolist()))
    assert shares(table).sum() == pytest.approx(1)


def summary(values, prompts=("de", "en", "fr"), questions=("de", "en", "fr"), pivot="en", **options):
    variables = effects({"executed": values}, prompts, questions, pivot=pivot, level=0.95, seed=0, **options)
    return {name: np.asarray(values)[0] for name, (_, values, _) in variables.items()}


def planted(prompt=(0, 0, 0), question=(0, 0, 0), items=60, noise=0.3, seed=0):
    """Scores that depend on the language of the prompt and of the question, and on the item."""
    rng = np.random.default_rng(seed)
    base = np.add.outer(np.asarray(prompt, float), np.asarray(question, float))
    return base[..., None] + rng.normal(0, 1, items) + noise * rng.normal(size=(3, 3, items))


def test_a_planted_gap_of_the_question_is_recovered():
    found = summary(planted(question=(0, 0.5, 0.1)))
    prompt, question = range(2)
    assert found["gap_low"][question] < 0.45 < found["gap_high"][question]
    assert found["gap_low"][question] > 0.3
    assert found["gap_low"][prompt] < 0 < found["gap_high"][prompt]
    assert found["share"][question] > 0.9 and found["share_p_value"][question] < 0.01
    assert found["share_p_value"][prompt] > 0.05
    assert found["share_low"][question] <= found["share"][question] <= found["share_high"][question]


def test_a_planted_gap_of_the_prompt_is_recovered():
    found = summary(planted(prompt=(0.2, 0.6, 0.2)))
    assert found["gap"][0] == pytest.approx(0.4, abs=0.1)
    assert found["share"][0] > 0.8 and found["share_p_value"][0] < 0.01
    assert found["share_control_mean"][0] < 0.6


def test_shuffled_languages_explain_a_share_by_chance():
    found = [summary(planted(seed=seed)) for seed in range(20)]
    p_values = np.array([each["share_p_value"] for each in found])
    assert (p_values < 0.05).mean() < 0.2
    assert np.mean([each["share"] for each in found]) == pytest.approx(
        np.mean([each["share_control_mean"] for each in found]), abs=0.1
    )


def test_the_gap_by_hand():
    table = np.array([[1.0, 2, 3], [4, 5, 9], [7, 8, 9]])
    found = summary(np.repeat(table[..., None], 2, axis=-1))
    assert found["mean"] == pytest.approx(table)
    assert found["gap"] == pytest.approx([6 - (2 + 8) / 2, 5 - (4 + 7) / 2])
    assert found["gap_low"] == pytest.approx(found["gap"])


def test_a_pivot_that_is_missing_has_no_gap_and_one_language_no_share():
    assert np.isnan(summary(planted(), pivot="ja")["gap"]).all()
    one = summary(planted()[:1], prompts=("en",))
    assert np.isnan(one["gap"][0]) and np.isfinite(one["gap"][1])
    assert np.isnan(one["share_p_value"][0]) and one["share"][1] == pytest.approx(1)


def test_items_that_a_cell_lacks_are_left_out():
    values = planted()
    values[0, 0, :30] = np.nan
    assert summary(values)["mean"] == pytest.approx(values[..., 30:].mean(-1))
    values[0, 0] = np.nan
    assert np.isnan(summary(values)["mean"]).all()


def test_an_item_is_drawn_with_all_its_languages():
    rng = np.random.default_rng(0)
    values = np.repeat(np.repeat(rng.normal(size=60)[None, None], 3, 0), 3, 1)
    found = summary(values)
    assert found["gap_low"] == pytest.approx([0, 0], abs=1e-9) and found["gap_high"] == pytest.approx([0, 0], abs=1e-9)
    assert (found["mean_high"] - found["mean_low"] > 0.3).all()
    assert FACTORS == ("prompt", "question")
