"""A figure of one variable taken out of a result, and of the main variable where none is named."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadArgument
from workbench.figures import curves, heatmap, matrix


def test_a_variable_alone_gives_the_figure_of_the_whole(heads, lens, grid):
    for draw, result, variable in ((heatmap, heads, "delta"), (matrix, grid, "effect")):
        alone, whole = draw(result[variable]), draw(result, variable)
        assert len(alone.data) == len(whole.data)
        for one, other in zip(alone.data, whole.data, strict=True):
            np.testing.assert_array_equal(one.z, other.z)
        assert alone.layout.title.text == whole.layout.title.text
    alone, whole = curves(lens["probability"]), curves(lens.drop_vars(["low", "high"]), "probability")
    for one, other in zip(alone.data, whole.data, strict=True):
        np.testing.assert_array_equal(one.y, other.y)


def test_numbers_that_were_computed_of_a_variable(heads):
    mean = heads["delta"].mean("language", keep_attrs=True)
    (trace,) = heatmap(mean).data
    np.testing.assert_array_equal(trace.z, mean.values)
    (trace,) = heatmap(heads["delta"][0] * 2.0).data
    np.testing.assert_array_equal(trace.z, 2 * heads.delta.values[0])
    nameless = heads["delta"][0] - heads["gradient"][0]
    np.testing.assert_array_equal(matrix(nameless).data[0].z, nameless.values)


def test_what_was_selected_before_is_said_as_if_it_were_selected_here(heads):
    before, here = heatmap(heads["delta"].sel(language="ja")), heatmap(heads, "delta", language="ja")
    assert before.layout.title.text == here.layout.title.text == "What does switching one head off cost Japanese?"
    assert "Japanese · 日本語" in before.layout.title.subtitle.text


def test_the_main_variable_is_drawn_where_none_is_named(heads, lens, grid):
    assert heatmap(heads).layout == heatmap(heads, "importance").layout
    assert curves(lens).to_dict() == curves(lens, "probability").to_dict()  # band and all
    assert matrix(grid).to_dict() == matrix(grid, "effect").to_dict()
    heads["gradient"].attrs["role"] = "score"
    assert heatmap(heads).layout == heatmap(heads, "gradient").layout


def test_what_is_ambiguous_is_listed(heads):
    flat = heads[["delta", "gradient"]].mean(["layer", "head"])
    with pytest.raises(BadArgument, match=r"which variable\? .*\(has: delta\[language\], gradient\[language\]\)"):
        curves(flat)
    with pytest.raises(BadArgument, match="'gradient' is not in the DataArray 'delta'"):
        heatmap(heads["delta"], "gradient")
    with pytest.raises(BadArgument, match="'head' is an axis"):
        curves(heads["head"])
    with pytest.raises(BadArgument, match=r"result='scores.nc'; give a Dataset \(wb.load_result\) or a DataArray"):
        wb.figures.heatmap("scores.nc")


def test_names_that_come_from_pandas_are_drawn():
    parts = [xr.DataArray([0.0, 1.0], dims="layer", name="share").to_dataset()] * 2
    joined = xr.concat(parts, pd.Index(["second", "first"], name="way"))
    drawn = wb.figures.heatmap(joined, "share", x="layer", y="way")
    assert sorted(drawn.layout.yaxis.ticktext) == ["first", "second"]
