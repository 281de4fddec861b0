"""An animation shows the result's own numbers frame by frame, on one scale."""

import numpy as np
import pytest
import xarray as xr

from workbench.errors import BadArgument
from workbench.figures import animation


def crossed():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 4))
    dims = ("source_layer", "target_layer")
    coords = {"source_layer": range(3), "target_layer": range(4)}
    cells = {"effect": (dims, values), "low": (dims, values - 0.2), "high": (dims, values + 0.2)}
    pairs = {"pair_effect": (("pair", *dims), rng.normal(size=(2, 3, 4)))}
    return xr.Dataset({**cells, **pairs}, coords={**coords, "pair": range(2)})


def test_each_frame_holds_a_row_and_slider_and_button_lead_through_all():
    result = crossed()
    figure = animation(result, over="source_layer")
    assert [frame.name for frame in figure.frames] == ["0", "1", "2"]
    for layer, frame in enumerate(figure.frames):
        np.testing.assert_array_equal(frame.data[-1].y, result.effect[layer])
        np.testing.assert_array_equal(frame.data[0].y, result.high[layer])
    assert [step.args[0][0] for step in figure.layout.sliders[0].steps] == ["0", "1", "2"]
    assert figure.layout.updatemenus[0].buttons[0].method == "animate"
    low, high = figure.layout.yaxis.range
    assert low < float(result.low.min())
    assert high > float(result.high.max())


def test_three_axes_become_cells_on_one_scale():
    result = crossed()
    figure = animation(result, "pair_effect", over="source_layer")
    for layer, frame in enumerate(figure.frames):
        cells = result.pair_effect[:, layer].values
        assert np.array_equal(frame.data[0].z, cells) or np.array_equal(frame.data[0].z, cells.T)
    assert figure.layout.coloraxis.cmax == pytest.approx(float(np.abs(result.pair_effect).max()))
    assert figure.layout.coloraxis.cmin == -figure.layout.coloraxis.cmax


def test_the_scale_is_signed_where_only_a_later_frame_is():
    result = crossed().rename(pair_effect="score")
    result["score"] = abs(result.score)
    result.score[0, 2, 0] = -1
    scale = animation(result, "score").layout.coloraxis
    assert (scale.cmin, scale.cmid) == (-scale.cmax, 0)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(BadArgument, match="over='head' is no axis"):
        animation(crossed(), over="head")
    with pytest.raises(BadArgument, match="draws 2 or 3 axes"):
        animation(crossed(), source_layer=[0, 1], target_layer=1)
