"""Bars hold the result's numbers, their whiskers its intervals, and languages stand in one order."""

import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadArgument
from workbench.figures import bars
from workbench.results.make import make_result

ORDER = ["ar", "de", "hi", "ja"]
NAMES = ("Arabic · العربية", "German · Deutsch", "Hindi · हिन्दी", "Japanese · 日本語")


def test_a_bar_for_each_language_from_the_top_in_one_order(heads):
    figure = bars(heads, "delta", layer=0, head=1)
    (bar,) = figure.data
    cells = heads.sel(language=ORDER, layer=0, head=1)
    np.testing.assert_array_equal(bar.x, cells.delta.values)
    np.testing.assert_allclose(bar.x + bar.error_x.array, cells.high.values)
    np.testing.assert_allclose(bar.x - bar.error_x.arrayminus, cells.low.values)
    assert figure.layout.yaxis.ticktext == NAMES
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.xaxis.title.text == "rise of NLL without the head [nats]"
    assert "p-value %{customdata[2]:.3g}" in bar.hovertemplate
    np.testing.assert_allclose(np.asarray(bar.customdata)[:, 2], cells.p_value.values)


def test_several_bars_of_a_name_lie_in_its_row_and_do_not_overlap(lens):
    figure = bars(lens, "probability", color="layer")
    assert [bar.name for bar in figure.data] == ["0", "1", "2"]
    places = np.array([bar.y for bar in figure.data])
    assert (np.diff(places, axis=0) >= figure.data[0].width).all()
    assert (np.abs(places - np.arange(4)) < 0.5).all()
    for layer, bar in enumerate(figure.data):
        np.testing.assert_array_equal(bar.x, lens.probability.sel(language=ORDER, layer=layer).values)


def test_layers_run_upwards_and_the_first_bar_is_the_topmost(lens):
    figure = bars(lens, "probability", y="layer", language=["de", "ja"])
    assert figure.layout.yaxis.autorange != "reversed"
    assert (figure.data[0].y > figure.data[1].y).all()
    assert figure.data[0].text[2] == "Layer 2"


def test_random_groups_are_a_band_behind_the_bar():
    values = np.array([0.5, -0.1])
    dims = ("group",)
    result = make_result(
        {
            "delta": (dims, values, "rise of the loss [nats]"),
            "control_mean": (dims, values - 0.2, "mean of random groups [nats]"),
            "control_low": (dims, values - 0.3, "least of random groups [nats]"),
            "control_high": (dims, values - 0.1, "most of random groups [nats]"),
        },
        {"group": ["ja", "random"]},
        method="tests",
        parameters={},
    )
    figure = bars(result, "delta")
    band, bar = figure.data
    np.testing.assert_allclose(np.asarray(band.base, float), values - 0.3)
    np.testing.assert_allclose(np.add(np.asarray(band.base, float), band.x), values - 0.1)
    assert band.hoverinfo == "skip" and band.width > bar.width
    assert "random control from" in bar.hovertemplate
    assert "grey band: random groups" in figure.layout.title.subtitle.text
    assert figure.layout.yaxis.ticktext == ("Japanese · 日本語", "random")


def test_a_missing_value_is_said_to_be_missing_and_not_zero():
    values = {"line_pass": (("language",), np.array([0.5, np.nan, 0.0]), "share of responses")}
    result = make_result(values, {"language": ["de", "fr", "ja"]}, method="tests", parameters={})
    assert "no bar: not measured" in bars(result, "line_pass").layout.title.subtitle.text
    assert "not measured" not in bars(result.sel(language=["de", "ja"]), "line_pass").layout.title.subtitle.text


def test_a_frame_is_drawn_like_a_result():
    frame = pd.DataFrame({"tokens": [3.0, 5.0], "low": [2.0, 4.0], "high": [4.0, 7.0]}, index=["ja", "de"])
    figure = bars(frame.rename_axis("language"), "tokens", title="How many tokens?")
    np.testing.assert_array_equal(figure.data[0].x, [5, 3])
    np.testing.assert_array_equal(figure.data[0].error_x.array, [2, 1])
    assert figure.layout.title.text == "How many tokens?"
    assert (
        bars(frame.rename_axis("language"), "tokens").layout.title.text == "How does tokens differ between languages?"
    )


def test_what_are_no_bars_is_refused(heads, roles, lens):
    with pytest.raises(BadArgument, match=r"has 3 left \(language, layer, head\)"):
        bars(heads, "delta")
    with pytest.raises(BadArgument, match="words"):
        bars(roles, "role", layer=0)
    with pytest.raises(BadArgument, match="y='head'"):
        bars(lens, "probability", y="head")
    with pytest.raises(BadArgument, match="select some of layer"):
        bars(lens.isel(layer=np.zeros(9, int)).assign_coords(layer=np.arange(9)), "probability")
