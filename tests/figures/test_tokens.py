"""Tokens as labels of axes: right-to-left ones, long ones, those that prompts do not share, queries and keys."""

import numpy as np

from workbench.figures import heatmap
from workbench.figures.labels import token_label
from workbench.results.make import make_result


def pattern(**tokens):
    result = make_result(
        {"pattern": (("query", "key"), np.tri(3), "attention of a head")}, {}, method="tests", parameters={}
    )
    return result.assign_coords({f"{axis}_token": (axis, list(names)) for axis, names in tokens.items()})


def test_queries_and_keys_are_labelled_with_their_tokens():
    figure = heatmap(pattern(query=["a", " b", "c"], key=["x", "y", "z"]), "pattern", x="key", y="query")
    assert figure.layout.xaxis.ticktext == ("x", "y", "z")
    assert figure.layout.yaxis.ticktext == ("a", "␣b", "c")


def test_where_prompts_differ_the_position_is_named():
    result = make_result({"effect": (("layer", "position"), np.eye(3), "share")}, {}, method="tests", parameters={})
    result = result.assign_coords(token=("position", ["a", "", ""]))
    assert heatmap(result, "effect").layout.xaxis.ticktext == ("a", "1", "2")


def test_right_to_left_tokens_are_isolated_and_long_ones_cut():
    assert token_label(" ماء") == "\u2067␣ماء\u2069"
    assert token_label("Donaudampfschifffahrt") == "Donaudampfsch…"
    assert token_label("水") == "水"
