"""Findings of search, Shapley values, agreement, pruning and use of heads, on known numbers."""

import numpy as np
import pytest
import xarray as xr

from workbench.studies.findings import removal, search, use

CELLS = ("language", "layer", "head")
PLACES = {"language": ["de", "ja"], "layer": [0, 1], "head": [0, 1]}
COSTS = np.array([[[0.1, 0.9], [0.2, 0.3]], [[0.4, 0.1], [0.0, 0.6]]])


def cells(attrs, **variables):
    return xr.Dataset({name: (CELLS, values) for name, values in variables.items()}, PLACES, attrs)


def test_search_names_the_costliest_head_of_the_sets():
    member = np.ones((2, 2, 2), dtype=bool)
    member[0, 0, 1] = False  # the largest number, outside its set
    found = search.search(
        cells({"spent": 0.25, "confidence": 0.99}, mean=COSTS, low=COSTS - 0.1, high=COSTS + 0.1, member=member)
    )
    assert found.answer == (
        "Removing head 1 of layer 1 costs Japanese most, by the lower end of its interval: 0.6 nats (0.5 to 0.7)."
    )
    assert found.heads == ((1, 1),) and found.details[0].startswith("25 % of the full sweep was run;")


def test_shapley():
    shares = cells({"exact": 0, "permutations": 4}, value=COSTS, standard_error=COSTS / 10)
    found = search.shapley(shares.assign(total=("language", [2.0, 3.0])))
    assert found.answer == (
        "The largest share (by value; no interval is available) is that of head 1 of layer 0 for German: 0.9 nats "
        "(standard error 0.09, over 4 random orders) of the 2 that all heads are worth together."
    )
    assert found.heads == ((0, 1),)


def test_agreement_leaves_the_reference_out():
    names, pairs = ["zero", "lahis", "random"], ("score", "other")
    table = np.array([[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]])
    ends = {"": 0, "_low": -0.1, "_high": 0.1}
    result = xr.Dataset(
        {f"mean_{m}{end}": (pairs, table + by) for m in ("correlation", "overlap") for end, by in ends.items()},
        {"score": names, "other": names},
        {"chance": 0.1},
    )
    found = search.agreement(result, "zero")
    assert (
        "lahis orders the heads most like zero, by the lower end of its interval: rank correlation 0.8 (95 % "
        "interval 0.7 to 0.9)" in found.answer
    )
    assert found.details == (
        "The least like it, by the upper end of its interval, is random (0.1).",
        "Random scores overlap by 10 % on average.",
    )
    assert search.agreement_table(result, "lahis").score.tolist() == ["zero", "random"]


def test_kinds():
    result = cells({}, previous=COSTS).assign(uniform_previous=("language", [0.1, 0.3]))
    found = search.kind(result, "previous")
    assert found.heads == ((0, 1),)  # means are 0.25, 0.5, 0.1, 0.45
    assert found.answer == (
        "Head 1 of layer 0 does so most (by value; no interval is available): 50 % of its attention in the mean over "
        "languages; a head that attends to all tokens alike has 20 %."
    )


def pruned(order=("greedy", "random")):
    rise = np.array([[[0, 0, 0], [0.1, 0.3, 2.0]], [[0, 0, 0], [1.0, 1.2, 1.5]]])[: len(order)]
    advantage = np.array([[0.9, -0.5], [0, 0]])[: len(order)]
    groups = ("order", "group")
    return xr.Dataset(
        {
            "rise": (("order", "removed", "language"), rise),
            "removed_head": (("layer", "head"), np.array([[True, False], [True, False]])),
            "kept": (("language",), [True, True, False]),
            "advantage": (groups, advantage),
            "advantage_low": (groups, advantage - 0.1),
            "advantage_high": (groups, advantage + 0.1),
        },
        {"order": list(order), "group": ["kept", "dropped"], "language": ["de", "en", "ja"]},
    )


def test_pruning():
    found = removal.pruned(pruned())
    assert found.text == (
        "2 of 4 heads are removed, which costs the kept languages 0.2 nats of loss, the others 2 on held-out texts. "
        "As many random heads cost the kept languages 0.9 nats more (95 % interval 0.8 to 1)."
    )
    assert not removal.pruned(pruned(["greedy"])).details
    table = removal.orders(pruned())
    assert table.loc["random"].tolist() == pytest.approx([1.1, 1.5])


def test_a_trained_mask():
    conditions, against = ["none", "tuned", "random"], ["none", "random"]
    result = xr.Dataset(
        {
            "accuracy": ("condition", [0.25, 0.5, 0.3]),
            "saved": ("against", [0.4, 0.2]),
            "saved_low": ("against", [0.3, 0.1]),
            "saved_high": ("against", [0.5, 0.3]),
            "saved_p": ("against", [0.01, 0.02]),
        },
        {"condition": conditions, "against": against},
        {"held_out": 12},
    )
    found = use.tuned(result)
    assert found.answer == (
        "With the trained mask 50 % of 12 held-out questions are answered, without it 25 %, with masks on random heads "
        "30 %."
    )
    assert found.details[1].startswith("Against random heads it saves 0.2 nats of loss per answer token")


def test_transfer_takes_the_scale_that_moves_most():
    numbers = {"moved": [0, 0.1, -0.7], "moved_low": [0, 0, -0.9], "moved_high": [0, 0.2, -0.5]}
    numbers |= {"own_share": [0.5, 0.6, 0.2], "p_value": [np.nan, 0.3, 0.01]}
    result = xr.Dataset({name: ("scale", values) for name, values in numbers.items()}, {"scale": [1.0, 0.0, 3.0]})
    assert use.transfer(result).text == (
        "Scaling the heads by 3 moves the preference by -0.7 nats per token beyond random heads (95 % interval -0.9 to "
        "-0.5, corrected p 0.01). The own answer is then preferred in 20 % of the questions, and in 50 % with the "
        "heads as they are."
    )


def test_off_target():
    attrs = {"beyond": -0.25, "beyond_low": -0.5, "beyond_high": -0.1, "beyond_p": 0.01}
    result = xr.Dataset(
        {
            "share": (("condition", "language"), [[1, 0.5], [0.5, 0.5], [0.9, 0.6]]),
            "p_value": ("language", [0.01, 0.9]),
        },
        {"condition": ["whole", "scaled", "random"], "language": ["de", "ja"]},
        attrs,
    )
    found = use.off_target(result)
    assert found.answer == (
        "With the heads scaled 50 % of the prompts are answered in the wanted language, by the whole model 75 %: "
        "beyond random heads that is a change of -25 percentage points (95 % interval -50 to -10, p 0.01)."
    )
    assert found.details[0].endswith(": German.")


def test_scale_that_moves_nothing_surely_is_not_claimed():
    numbers = {"moved": [0, 0.1, -0.7], "moved_low": [0, -0.1, -1.9], "moved_high": [0, 0.3, 0.5]}
    numbers |= {"own_share": [0.5, 0.6, 0.2], "p_value": [np.nan, 0.3, 1e-9]}
    result = xr.Dataset({name: ("scale", values) for name, values in numbers.items()}, {"scale": [1.0, 0.0, 3.0]})
    found = use.transfer(result)
    assert found.answer == "No scale can be shown to move the preference beyond random heads."
    assert "Scaling the heads by 0 moves" in found.details[0]
    sure = use.transfer(result.assign(moved_high=("scale", [0, 0.3, -0.5])))
    assert sure.answer.startswith("Scaling the heads by 3 moves") and sure.answer.endswith("corrected p < 0.001).")


def test_the_costliest_head_is_not_the_noisiest():
    low, high = COSTS - 0.1, COSTS + 0.1
    low[0, 0, 1], high[0, 0, 1] = -1, 2.8  # the largest mean
    member = np.ones((2, 2, 2), dtype=bool)
    attrs = {"spent": 0.25, "confidence": 0.99}
    assert search.search(cells(attrs, mean=COSTS, low=low, high=high, member=member)).heads == ((1, 1),)
    nothing = search.search(cells(attrs, mean=COSTS, low=COSTS - 2, high=COSTS + 2, member=member))
    assert nothing.answer.startswith("No head can be shown") and not nothing.heads
    shares = cells({"exact": 0, "permutations": 4}, value=COSTS, standard_error=COSTS / 10, low=low, high=high)
    shares = shares.assign(total=("language", [2.0, 3.0]))
    assert search.shapley(shares).heads == ((1, 1),)
    assert not search.shapley(shares.assign(low=shares.value - 2)).heads
    kinds = cells({}, previous=COSTS, previous_low=low, previous_high=high)
    assert search.kind(kinds.assign(uniform_previous=("language", [0.1, 0.3])), "previous").heads == ((1, 1),)
