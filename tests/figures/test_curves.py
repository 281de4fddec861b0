"""Curves hold the result's numbers, their bands its intervals, and a line keeps its look."""

import numpy as np
import pytest

from workbench.errors import BadArgument
from workbench.figures import curves


def lines(figure):
    return [trace for trace in figure.data if trace.hoverinfo != "skip"]


def test_a_line_for_each_language_over_layers(lens):
    figure = curves(lens, "probability")
    drawn = lines(figure)
    assert [line.name for line in drawn] == [
        "Arabic · العربية",
        "German · Deutsch",
        "Hindi · हिन्दी",
        "Japanese · 日本語",
    ]
    np.testing.assert_array_equal(drawn[3].y, lens.probability.sel(language="ja").values)
    assert figure.layout.xaxis.title.text == "Layer"
    assert figure.layout.yaxis.title.text == "probability of the language's words"
    assert figure.layout.legend.title.text == "Language"


def test_bands_go_from_low_to_high(lens):
    upper, lower, _ = curves(lens, "probability", language="de").data
    np.testing.assert_allclose(upper.y, lens.high.sel(language="de").values)
    np.testing.assert_allclose(lower.y, lens.low.sel(language="de").values)
    assert lower.fill == "tonexty"


def test_no_interval_no_band(lens):
    plain = lens.drop_vars(["low", "high"])
    assert len(curves(plain, "probability").data) == 4


def test_a_line_keeps_its_look_when_fewer_are_selected(lens):
    def look(figure, name):
        line = next(line for line in lines(figure) if name in line.name)
        return line.line.color, line.line.dash, line.marker.symbol

    assert look(curves(lens, "probability"), "Hindi") == look(curves(lens, "probability", language=["hi"]), "Hindi")


def test_lines_differ_in_colour_or_dash(lens):
    many = lens.isel(language=np.zeros(12, int)).assign_coords(language=[f"q{index:02}" for index in range(12)])
    assert len({(line.line.color, line.line.dash) for line in lines(curves(many, "probability"))}) == 12


def test_axes_can_be_chosen(lens, heads):
    drawn = lines(curves(lens, "probability", x="language"))
    assert [line.name for line in drawn] == ["0", "1", "2"]
    np.testing.assert_array_equal(curves(heads, "baseline").data[0].y, heads.baseline.values[[1, 3, 2, 0]])


def test_what_are_no_curves_is_refused(heads, roles, lens):
    with pytest.raises(BadArgument, match=r"has 3 left \(language, layer, head\)"):
        curves(heads, "delta")
    with pytest.raises(BadArgument, match="words"):
        curves(roles, "role")
    with pytest.raises(BadArgument, match="color='head'"):
        curves(lens, "probability", color="head")
    with pytest.raises(BadArgument, match=r"mark='xx' is no line \(has: "):
        curves(lens, "probability", mark="xx")
    with pytest.raises(BadArgument, match="select some"):
        curves(
            lens.isel(language=np.zeros(40, int)).assign_coords(language=[f"q{index}" for index in range(40)]),
            "probability",
        )


def test_uneven_numbers_lie_where_they_belong(lens):
    uneven = lens.assign_coords(layer=[0, 2, 9])
    figure = curves(uneven, "probability", language="de")
    assert lines(figure)[0].x.tolist() == [0, 2, 9]
    assert figure.layout.xaxis.ticktext == ("0", "2", "9")
