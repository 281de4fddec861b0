"""Which variable is meant where none is named."""

import numpy as np
import pytest
import xarray as xr

from workbench.errors import BadArgument
from workbench.results.reading.main_variable import given, main_variable


def result(**axes):
    return xr.Dataset({name: (dims, np.zeros([2] * len(dims))) for name, dims in axes.items()})


def test_the_first_with_layers():
    assert main_variable(result(nll=("language",), delta=("language", "layer"), other=("layer",))) == "delta"
    assert main_variable(result(share=("x",), effect=("source_layer", "target_layer"))) == "effect"
    assert main_variable(result(value_low=("layer",), value_high=("layer",), value=("layer",))) == "value"


def test_the_score_before_it():
    both = result(delta=("layer",), own=("head",))
    both["own"].attrs["role"] = "score"
    assert main_variable(both) == "own"
    both["delta"].attrs["role"] = "score"
    with pytest.raises(BadArgument, match=r"such as 'delta' \(has: delta\[layer\], own\[head\]\)"):
        main_variable(both)


def test_the_only_one_or_an_error_that_lists():
    assert main_variable(result(share=("kind",), share_low=("kind",), share_high=("kind",))) == "share"
    with pytest.raises(BadArgument, match=r"\(has: a\[x\], b\[x, y\]\)"):
        main_variable(result(a=("x",), b=("x", "y")))
    with pytest.raises(BadArgument, match="no variables"):
        main_variable(xr.Dataset())


def test_a_data_array_is_both():
    whole = result(delta=("layer", "head"))
    alone, name = given(whole["delta"], None)
    assert name == "delta" and alone["delta"].equals(whole["delta"])
    assert given(xr.DataArray([1.0]), None)[1] == "value"
    with pytest.raises(BadArgument, match="'low' is not in the DataArray 'delta'"):
        given(whole["delta"], "low")
    with pytest.raises(BadArgument, match="'x' is an axis"):
        given(xr.DataArray([1.0], coords={"x": [0]})["x"], None)
