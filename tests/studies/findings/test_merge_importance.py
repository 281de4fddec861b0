"""Sentences on what an expert loses without parts of its tuning, on planted Results."""

import json

import numpy as np

from workbench.results.make import make_result
from workbench.studies.findings.merging import importance as findings

GROUPS = ["layer 0", "layer 1", "ends"]


def made(loss, width=1.0, whole=10.0, correlation=0.5, tasks=("words",), **more):
    """`loss[group, task]` with intervals of plus and minus `width`, of one number or [group]."""
    loss, n = np.asarray(loss, dtype=float).reshape(3, -1), len(tasks)
    pairs = np.full((n, n), correlation)
    cells, each, both = ("group", "task"), ("task",), ("task", "other_task")
    width = np.broadcast_to(np.asarray(width, dtype=float).reshape(-1, 1), loss.shape)
    own = width.min(0)
    values = {"loss": (cells, loss), "low": (cells, loss - width), "high": (cells, loss + width)}
    values |= {"accuracy": (each, [90.0] * n), "whole": (each, [whole] * n)}
    values |= {"whole_low": (each, whole - own), "whole_high": (each, whole + own)}
    values |= {
        "correlation": (both, pairs),
        "correlation_low": (both, pairs - 0.1),
        "correlation_high": (both, pairs + 0.1),
    }
    values |= {name: (each, [value] * n) for name, value in more.items()}
    return make_result(
        {name: (axes, np.asarray(each), name) for name, (axes, each) in values.items()},
        {"group": GROUPS, "task": list(tasks), "other_task": list(tasks)},
        method="merging.importance",
        parameters={"level": 0.9},
    )


def test_the_group_with_the_largest_loss_is_named_with_its_interval():
    assert findings.losses(made([0.5, 8, 3])).text == (
        "Of 3 groups, layer 1 loses most when it is put back, by the lower end of its interval: 8 points (90 % "
        "interval 7 to 9). The interval lies above 0 in 2 of 3 cells of group and task; chance gives about 0.15. The "
        "expert is right at 90 % of words, and with all put back it loses 10 points (9 to 11)."
    )


def test_a_wide_interval_does_not_win():
    result = made([8, 5, 0], width=[7.5, 1, 1])
    assert findings.losses(result).answer.startswith("Of 3 groups, layer 1 loses most")


def test_no_loss_beyond_its_interval():
    assert findings.losses(made([0.5, 0.75, 0])).answer == (
        "No loss is beyond its interval, whichever of 3 groups is put back; the largest is 0.75 points, layer 1 (-0.25 "
        "to 1.75)."
    )


def test_nothing_is_lost_where_the_base_is_as_good():
    assert findings.losses(made([0, 0, 0], width=0, whole=0)).text == (
        "Nothing is lost on these items: accuracy stays as it is, whichever of 3 groups is put back. The expert is "
        "right at 90 % of words, and with all put back it loses 0 points (0 to 0); the model before tuning does it as "
        "well, so that there is nothing to lose."
    )


def test_a_gain_is_no_loss():
    text = findings.losses(made([-4, 0, 0], whole=-4)).text
    assert text.startswith("No loss is beyond its interval, whichever of 3 groups is put back; the largest is 0 points")
    assert "Accuracy rises beyond its interval in 1 of 3 cells, most with layer 0 put back: 4 points (3 to 5)." in text
    assert "does it better" in text


def test_several_tasks_are_named_and_their_losses_compared():
    text = findings.losses(made([[0, 9], [8, 0], [0, 0]], tasks=("cypher", "words"))).text
    assert "layer 0 loses most when it is put back, by the lower end of its interval: 9 points of words (90 %" in text
    assert text.endswith("Losses of cypher and words have a rank correlation of 0.5 (0.4 to 0.6) over groups.")
    flat = findings.losses(made([[0, 9], [0, 0], [0, 0]], tasks=("cypher", "words"), correlation=np.nan)).text
    assert flat.endswith("Losses of cypher and words cannot be ranked: some are all equal.")


def test_ceiling_and_floor_stand_beside():
    bounds = {"ceiling_correlation": 0.9, "ceiling_correlation_low": 0.8, "ceiling_correlation_high": 1.0}
    assert findings.losses(made([1, 2, 3], **bounds)).text.endswith(
        "Losses of words with those of the expert of another seed have a rank correlation of 0.9 (0.8 to 1) over "
        "groups."
    )


def test_the_table_has_each_group_and_all():
    table = findings.importance_table(made([1, 2, 3]))
    assert table.index.tolist() == [*GROUPS, "all"]
    assert table.loc["layer 1"].tolist() == [2, 1, 3] and table.loc["all"].tolist() == [10, 9, 11]


def test_a_whole_that_is_not_beyond_its_interval_claims_no_equality():
    text = findings.losses(made([0.5, 0, 0], whole=0.5)).text
    assert text.endswith(
        "loses 0.5 points (-0.5 to 1.5); that is not beyond its interval, so that there may be little to lose."
    )


def test_a_task_that_is_lost_at_every_item_has_much_to_lose():
    assert findings.losses(made([0, 0, 0], width=0, whole=90)).text.endswith("it loses 90 points (90 to 90).")


def test_the_number_of_items_is_stated_where_the_provenance_has_it():
    result = made([0, 0, 0])
    record = json.loads(result.attrs["provenance"])
    record["parameters"]["tasks"] = {"words": {"items": 8}}
    text = findings.losses(result.assign_attrs(provenance=json.dumps(record))).text
    assert "The expert is right at 90 % of words (8 items), and with" in text
    assert "items)" not in findings.losses(result).text
