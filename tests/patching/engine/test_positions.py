"""Axes of positions carry the tokens of an example pair, and roles that all pairs have in one place."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.patching.cases import wrapped
from workbench.text.pairs import Pair, Pairs

MODEL = wrapped("llama")  # a token is a byte, after BOS
ROLES = {"subject": 2, "last": -1}
MIXED = Pairs(
    (
        Pair("abX", "acX", "k", "l", roles={"subject": 2, "last": -1}),
        Pair("abcd eX", "abcd fX", "k", "l", roles={"subject": 6, "last": -1}),  # the longest
        Pair("zbcd eX", "zbcd gX", "m", "l", roles={"subject": 6, "last": -1}),
    ),
    "made",
)


@pytest.mark.parametrize(
    "call",
    [
        lambda **how: wb.patching.sweep(MODEL, MIXED, **how),
        lambda **how: wb.patching.sweep(MODEL, MIXED, direction="noising", **how),
        lambda **how: wb.patching.sweep(MODEL, MIXED, site="q", over=("layer", "head", "position"), **how),
        lambda **how: wb.patching.attribution(MODEL, MIXED, sample=3, **how),
    ],
)
def test_both_prompts_of_the_first_of_the_longest_pairs_name_the_positions(call, tmp_path):
    result = call(progress=False)
    assert result.source_token.dims == ("position",)
    assert result.source_token.values.tolist() == ["<bos>", *"abcd eX"]
    assert result.target_token.values.tolist() == ["<bos>", *"abcd fX"]
    assert result.attrs["example_pair"] == result.source_token.attrs["example_pair"] == 1
    assert result.token.values.tolist()[-2:] == ["", "X"], "as before: only what all pairs have"
    assert result.position_role.values.tolist() == [*[""] * 6, "subject", "last"], "from the end, where all have it"
    saved = wb.load_result(wb.save_result(result, tmp_path / "sweep.nc"))
    xr.testing.assert_identical(saved, result)


def test_roles_that_pairs_have_in_different_places_name_no_position():
    far = Pairs((*MIXED.items, Pair("abX", "acX", "k", "l", roles={"subject": 1, "last": -1})), "made")
    result = wb.patching.sweep(MODEL, far, progress=False)
    assert result.position_role.values.tolist() == [*[""] * 7, "last"]
    outside = Pairs((Pair("abX", "acX", "k", "l", roles={"subject": 99}),), "made")
    assert "position_role" not in wb.patching.sweep(MODEL, outside, progress=False).coords


@pytest.mark.parametrize("direction", ["denoising", "noising"])
def test_an_axis_of_roles_has_the_tokens_at_them(direction):
    pairs = [
        {
            "source": "a bcX",
            "target": "a dX",
            "answer": "k",
            "foil": "l",
            "roles": {"source:subject": 4, "target:subject": 3, "last": -1},
        }
    ]
    result = wb.patching.sweep(MODEL, pairs, over=("layer", "role"), direction=direction, progress=False)
    assert result.role.values.tolist() == ["subject", "last"]
    assert result.source_token.values.tolist() == ["c", "X"]
    assert result.target_token.values.tolist() == ["d", "X"]


def test_each_axis_across_positions_has_its_own_prompt():
    pairs = [{"source": "abcX", "target": "deX", "answer": "k", "foil": "l"}]
    result = wb.patching.cross_position(MODEL, pairs, layer=1, progress=False)
    assert result.source_token.dims == ("source_position",)
    assert result.source_token.values.tolist() == ["<bos>", *"abcX"]
    assert result.target_token.values.tolist() == ["<bos>", *"deX"]
    assert result.effect.shape == (5, 4)
    assert np.isfinite(result.effect).all()


def test_bytes_of_one_character_are_told_apart():
    pairs = [{"source": "é", "target": "è", "answer": "k", "foil": "l"}]
    result = wb.patching.sweep(MODEL, pairs, progress=False)
    assert result.source_token.values.tolist() == ["<bos>", "<C3>", "é"]
