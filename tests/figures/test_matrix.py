"""Matrices hold the result's numbers and print them where they fit."""

import numpy as np
import pytest

from workbench.errors import BadArgument
from workbench.figures import matrix


def test_layers_run_upwards_and_numbers_are_printed(grid):
    figure = matrix(grid, "effect")
    (trace,) = figure.data
    np.testing.assert_array_equal(trace.z, grid.effect.values)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("Target layer", "Source layer")
    assert figure.layout.yaxis.autorange != "reversed"
    assert trace.texttemplate == "%{z:.2f}"
    assert figure.layout.coloraxis.cmin == -figure.layout.coloraxis.cmax
    assert figure.layout.title.text == "From which layer to which does the answer travel?"


def test_axes_can_be_swapped(grid):
    np.testing.assert_array_equal(matrix(grid, "effect", x="source_layer").data[0].z, grid.effect.values.T)
    np.testing.assert_array_equal(matrix(grid, "effect", y="target_layer").data[0].z, grid.effect.values.T)


def test_language_by_language_stands_in_one_order_on_both_axes(grid):
    named = grid.rename(source_layer="group", target_layer="language", effect="delta")
    named = named.assign_coords(group=["ja", "de", "random"], language=["ja", "de", "ar"])
    figure = matrix(named, "delta")
    assert figure.layout.xaxis.ticktext == ("Arabic", "German", "Japanese")
    assert figure.layout.yaxis.ticktext == ("German · Deutsch", "Japanese · 日本語", "random")
    assert "Language: Arabic · العربية" in figure.data[0].text[0][0]
    assert figure.layout.yaxis.autorange == "reversed"
    np.testing.assert_array_equal(figure.data[0].z, named.delta.values[[1, 0, 2], ::-1])


def test_pairs_of_languages_have_their_names(grid):
    pairs = grid.rename(source_layer="language_a", target_layer="language_b", effect="excess")
    pairs = pairs.assign_coords(language_a=["ja", "de", "ar"], language_b=["ja", "de", "ar"])
    figure = matrix(pairs, "excess")
    assert figure.layout.yaxis.ticktext == ("Arabic · العربية", "German · Deutsch", "Japanese · 日本語")
    assert figure.layout.xaxis.ticktext == ("Arabic", "German", "Japanese")
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == ("Language", "Other language")
    np.testing.assert_array_equal(figure.data[0].z, pairs.excess.values[::-1, ::-1])


def test_above_fourteen_nothing_is_printed(grid):
    large = grid.isel(target_layer=np.zeros(15, int)).assign_coords(target_layer=np.arange(15))
    assert matrix(large, "effect").data[0].texttemplate is None
    small = large.isel(target_layer=slice(0, 14))
    assert matrix(small, "effect").data[0].texttemplate is not None


@pytest.mark.parametrize(
    ("scale", "printed"),
    [(0.01, ".3f"), (0.5, ".2f"), (20, ".1f"), (500, ".0f"), (1e-7, ".1e"), (1e6, ".1e"), (0, ".3f")],
)
def test_printed_figures_follow_the_size_of_the_numbers(grid, scale, printed):
    grid["effect"][:] = scale
    assert matrix(grid, "effect").data[0].texttemplate == f"%{{z:{printed}}}"


def test_what_is_no_matrix_is_refused(grid, heads, roles):
    with pytest.raises(BadArgument, match=r"has 3 left \(language, layer, head\)"):
        matrix(heads, "delta")
    with pytest.raises(BadArgument, match="words"):
        matrix(roles, "role")
    with pytest.raises(BadArgument, match="2 different axes"):
        matrix(grid, "effect", x="source_layer", y="source_layer")
    with pytest.raises(BadArgument, match="no variable 'delta'"):
        matrix(grid, "delta")
