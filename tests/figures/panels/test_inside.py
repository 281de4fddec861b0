"""The figure of what changed inside holds the numbers of the comparison."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import INSIDE, states
from workbench.errors import BadArgument, UnknownLanguage
from workbench.figures import inside

DRAWN = {"x": "inside_reclassified", "x2": "inside_heads_moved", "x3": "inside_lens", "x4": "inside_patched_concept"}


@pytest.fixture(scope="module")
def result():
    looked = states()
    return INSIDE.compare(looked["before"], {"recipe": looked["recipe"], "text": looked["text"]})


def lines(figure, axis):
    """Name to values of the lines of a panel, without the bands."""
    return {trace.name: trace.y for trace in figure.data if (trace.xaxis or "x") == axis and trace.name}


def test_every_panel_holds_its_numbers(result):
    figure = inside(result)
    for axis, name in DRAWN.items():
        values = result[name].sel(language="en") if name == "inside_lens" else result[name]
        drawn = lines(figure, axis)
        assert list(drawn) == (["before"] if axis in ("x3", "x4") else []) + ["recipe", "text"]
        for condition, line in drawn.items():
            np.testing.assert_allclose(line, values.sel(condition=condition))
    assert [trace.name for trace in figure.data if trace.showlegend] == ["before", "recipe", "text"]


def test_a_condition_has_one_colour_in_all_panels(result):
    figure = inside(result, language="de", style="paper")
    colours = {(trace.name, trace.line.color) for trace in figure.data if trace.name}
    assert len(colours) == 3
    np.testing.assert_allclose(lines(figure, "x3")["text"], result.inside_lens.sel(language="de", condition="text"))


def test_parts_that_were_not_looked_at_have_no_panel(result, tmp_path):
    only = result[[name for name in result if "heads_moved" in name or "rank" in name]]
    figure = inside(only)
    assert list(lines(figure, "x")) == ["recipe", "text"]
    wb.save_result(result, tmp_path / "inside.nc")
    assert len(inside(wb.load_result(tmp_path / "inside.nc")).data) == len(inside(result).data)


def test_another_result_is_refused(result, heads):
    with pytest.raises(BadArgument, match="nothing inside"):
        inside(heads)
    with pytest.raises(UnknownLanguage, match="fi"):
        inside(result, language="fi")
