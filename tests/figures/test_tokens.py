"""Tokens as labels of axes: right-to-left ones, long ones, those that prompts do not share, queries and keys."""

import numpy as np

from workbench.figures import heatmap
from workbench.figures.drawing.labels import token_label
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


def test_one_text_of_many_brings_its_tokens_and_ends_where_it_ends():
    attention = np.full((2, 1, 1, 4, 4), np.nan)
    attention[0, :, :, :3, :3], attention[1] = np.tri(3) / 2, np.tri(4)
    token = np.array([["a", " b", "c", ""], ["犬", "は", "寝", "る"]], dtype=object)
    result = make_result(
        {
            "pattern": (("language", "layer", "head", "query", "key"), attention, "attention [share]"),
            "token": (("language", "position"), token, "token"),
        },
        {"language": ["de", "ja"]},
        method="tests",
        parameters={},
    )
    figure = heatmap(result, "pattern", language="de", layer=0, head=0)
    np.testing.assert_array_equal(figure.data[0].z, np.tri(3) / 2)
    assert figure.layout.xaxis.ticktext == figure.layout.yaxis.ticktext == ("a", "␣b", "c")
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.title.text == "Key position and its token"
    both = heatmap(result, "pattern", layer=0, head=0)
    assert both.data[1].z.shape == (4, 4)
    assert both.layout.yaxis.ticktext == ("0", "1", "2", "3")
    assert both.layout.yaxis.autorange == "reversed"
