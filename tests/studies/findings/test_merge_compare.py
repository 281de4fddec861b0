"""Sentences on merges, on planted Results: what is shown, and what a tie must not say."""

import numpy as np
import pytest

from workbench.results.make import make_result
from workbench.results.proportions import wilson
from workbench.studies.findings.merging import compare as findings

ITEMS = 100
NAMES = ["base", "expert", "merged"]


def planted(right, p):
    """`right` of 100 items [model, language], and corrected p-values against the first model."""
    axes, right = ("model", "language"), np.asarray(right)
    ends = np.array([[wilson(int(n), ITEMS) for n in row] for row in right])
    change = np.where(np.arange(len(right))[:, None], right - right[:1], np.nan)
    values = {
        "accuracy": right / ITEMS,
        "low": ends[..., 0],
        "high": ends[..., 1],
        "chance": np.full(right.shape, 0.25),
    }
    values |= {"change": change, "change_low": change - 1, "change_high": change + 1}
    values["p_value"] = np.vstack([np.full(right.shape[1], np.nan), p])
    variables = {name: (axes, each, name) for name, each in values.items()}
    coords = {"model": NAMES[: len(right)], "language": ["de", "fr"][: right.shape[1]]}
    return make_result(variables, coords, method="merging.compare", parameters={}, attrs={"first": "base"})


def test_a_tie_at_the_ceiling_names_no_model():
    tie = planted([[100, 100]] * 3, np.ones((2, 2)))
    assert findings.best(tie).answer == "All models are at the ceiling: harder items would tell."
    assert "Right most often" not in findings.best(tie).text
    assert findings.changes(tie).details[0] == (
        "expert: 0 points on average; no change is sure in any language (corrected p 0.05 or more)."
    )


def test_a_difference_that_is_not_sure_names_no_model():
    close = planted([[25, 25], [28, 22]], [[1.0, 1.0]])
    assert findings.best(close).answer == "No model surely leads."
    assert "most surely" not in findings.changes(close).text


def test_only_sure_leads_are_named():
    mixed = planted([[100, 50], [100, 90]], [[1.0, 0.001]])
    answer, *rest = findings.best(mixed).text.split(". ")
    assert (answer, rest[0]) == (
        "Right most often is expert in French",
        "All models are at the ceiling in German: harder items would tell",
    )
    assert "expert: 20 points on average; most surely in French, 40 points (39 to 41, p 0.001)" in (
        findings.changes(mixed).text
    )


@pytest.mark.parametrize(
    ("right", "p", "answer"),
    [
        ([90, 50, 50], [0.001, 0.001], "Right most often is base in German."),
        ([90, 50, 88], [0.001, 0.8], "No model surely leads."),
        ([50, 90, 60], [0.001, 0.3], "Right most often is expert in German."),
        ([50, 90, 88], [0.001, 0.001], "No model surely leads."),  # the two leaders are as good
        ([50, 90, 60], [0.2, 0.3], "No model surely leads."),
    ],
)
def test_a_leader_is_better_than_every_other_model(right, p, answer):
    assert findings.best(planted([[n] for n in right], [[each] for each in p])).answer == answer
