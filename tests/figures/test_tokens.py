"""Tokens as labels of axes: right-to-left ones, long ones, those that prompts do not share, queries and keys."""

import numpy as np
import pytest

from workbench.figures import curves, heatmap, matrix
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


def sweep(source, target, roles=()):
    """An effect over two layers and the positions of a pair's prompts."""
    values = np.linspace(-1, 1, 2 * len(source)).reshape(2, -1)
    result = make_result({"effect": (("layer", "position"), values, "share")}, {}, method="tests", parameters={})
    about = {"example_pair": 3}
    named = {"source_token": ("position", list(source), about), "target_token": ("position", list(target), about)}
    return result.assign_coords(named | ({"position_role": ("position", list(roles))} if roles else {}))


@pytest.mark.parametrize("draw", [heatmap, lambda result, name: curves(result, name, layer=0)])
def test_positions_are_labelled_with_both_prompts_of_an_example_pair(draw):
    words = ["The", " cat", " Wohlstandsgesellschaft", " ماء"]
    figure = draw(sweep(words, ["The", " dog", " i<b>", " نار"], ["", "subject", "", "last"]), "effect")
    assert figure.layout.xaxis.ticktext == (
        "The",
        "<b>subject</b> ␣cat / ␣dog",
        "␣Wohlstan… / ␣i&lt;b&gt;",
        "<b>last</b> \u2067␣ماء\u2069 / \u2067␣نار\u2069",
    )
    assert figure.layout.xaxis.title.text == "Position and token of pair 3, source / target"
    assert figure.layout.xaxis.tickangle == -45


def test_a_shorter_prompt_has_no_token_in_front():
    figure = heatmap(sweep(["", "a"], ["", "b"]), "effect")
    assert figure.layout.xaxis.ticktext == ("0", "a / b")


def test_many_tokens_stand_upright_and_those_that_differ_stay():
    source = [f"t{i}" for i in range(200)]
    target = ["x" if i in (101, 150) else token for i, token in enumerate(source)]
    axis = heatmap(sweep(source, target), "effect").layout.xaxis
    assert axis.tickangle == -90
    assert {"t101 / x", "t150 / x"} <= set(axis.ticktext)
    steps = np.diff(axis.tickvals)
    assert steps.min() >= 3, "200 of 11 pixels each do not fit into 900"
    assert steps.max() < 6
    few = heatmap(sweep(source[:60], target[:60]), "effect")
    assert len(few.layout.xaxis.ticktext) == 60
    assert few.layout.meta["least_width"] >= 60 * 14
    assert heatmap(sweep(source[:5], target[:5]), "effect").layout.meta["least_width"] == 560


def test_both_axes_across_positions_have_their_own_tokens():
    result = make_result(
        {"effect": (("source_position", "target_position"), np.eye(2), "share")}, {}, method="tests", parameters={}
    )
    result = result.assign_coords(
        source_token=("source_position", ["a", " b"]), target_token=("target_position", ["a", " c"])
    )
    figure = matrix(result, "effect")
    assert figure.layout.yaxis.ticktext == ("a", "␣b")
    assert figure.layout.xaxis.ticktext == ("a", "␣c")


def test_an_axis_of_roles_names_the_tokens_beside_them():
    result = make_result(
        {"effect": (("layer", "role"), np.eye(2), "share")},
        {"role": ["subject", "last"]},
        method="tests",
        parameters={},
    ).assign_coords(source_token=("role", ["cat", "is"]), target_token=("role", ["dog", "is"]))
    assert heatmap(result, "effect").layout.xaxis.ticktext == ("<b>subject</b> cat / dog", "<b>last</b> is")
