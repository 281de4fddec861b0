"""Sentences of Results whose truth is known: what helps, hurts and is undecided."""

import numpy as np
import pytest
import xarray as xr

from workbench.laboratories.changes import changes
from workbench.laboratories.verdict import sentence, verdict

NAMES = ["before", "recipe", "shuffled", "text"]


def planted(recipe, shuffled, text, *, better=1, units="share", noise=0.01):
    """A Result of three seeds, two languages and forty samples, each condition moved by so much in every seed."""
    rng = np.random.default_rng(0)
    moved = np.array([[0.0] * 3, recipe, shuffled, text], dtype=float)
    score = moved[:, :, None, None, None] + noise * rng.normal(size=(4, 3, 1, 2, 40))
    score[0] = 0
    made = changes(score, np.array([better]), np.array([True]))
    variables = {name: (axes, values) for name, (axes, values, _) in made.items()}
    axes = {"condition": NAMES, "control": NAMES[2:], "measure": ["mine"], "language": ["de", "fr"]}
    return xr.Dataset({**variables, "units": ("measure", [units])}, axes, {"recipe": "it all"})


@pytest.mark.parametrize(
    ("moved", "better", "word"),
    [
        (([0.5, 0.6, 0.4], [0, 0, 0], [0.1, 0.1, 0.1]), 1, "helps"),
        (([0.5, 0.6, 0.4], [0, 0, 0], [0.1, 0.1, 0.1]), -1, "hurts"),
        (([-0.5, -0.6, -0.4], [0, 0, 0], [-0.1, -0.1, -0.1]), -1, "helps"),
        (([0.5, 0.6, 0.4], [0, 0, 0], [0.9, 0.9, 0.9]), 1, "is undecided"),  # beyond one control, below the other
        (([0.5, 0.6, -0.4], [0, 0, 0], [0, 0, 0]), 1, "is undecided"),  # one seed has the other sign
        (([0, 0, 0], [0, 0, 0], [0, 0, 0]), 1, "is undecided"),
        (([0.5, 0.5, 0.5], [np.nan] * 3, [0, 0, 0]), 1, "is undecided"),  # a control that was not finished
    ],
)
def test_a_verdict_is_that_of_the_planted_changes(moved, better, word):
    assert verdict(planted(*moved, better=better)).endswith(f": it {word}.")


def test_a_language_without_samples_has_no_part_in_a_verdict():
    made = planted([0.5] * 3, [0] * 3, [0] * 3)
    assert made.mean_helps.values.tolist() == [[1], [1]]
    score = np.full((3, 2, 1, 3, 6), np.nan)
    score[:, :, 0, 1] = np.array([0.0, 1.0, 0.0])[:, None, None]
    lacking = changes(score, np.array([1]), np.array([True]))
    assert lacking["mean_change"][1].tolist() == [[0.0], [1.0], [0.0]]
    assert lacking["mean_helps"][1].tolist() == [[1]] and lacking["helps"][1].tolist() == [[[0, 1, 0]]]


def test_shares_are_said_in_percentage_points_and_what_is_missing_is_not_measured():
    exact = planted([0.25] * 3, [np.nan] * 3, [0.05] * 3, noise=0.0)
    assert sentence(exact, "mine") == (
        "mine: +25 points with it all, not measured beyond shuffled, +20 beyond text [+20, +20]: it is undecided."
    )
    assert "mine: +0.25 bits per byte with it all" in sentence(
        planted([0.25] * 3, *[[0] * 3] * 2, units="bits per byte", noise=0.0), "mine"
    )


def test_an_excess_without_an_interval_is_said_to_have_none():
    made = planted([0.25] * 3, [0.05] * 3, [0.05] * 3, noise=0.0)
    made["mean_excess_low"], made["mean_excess_high"] = (np.nan * made.mean_excess for _ in range(2))
    assert "+20 beyond shuffled (without an interval), +20 beyond text (without an interval)" in sentence(made, "mine")
