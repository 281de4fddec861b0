"""The figure of what changed inside holds the numbers of the comparison."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import INSIDE, states
from workbench.errors import BadArgument, UnknownLanguage
from workbench.figures import inside

LOOKED = states()
RESULT = INSIDE.compare(LOOKED["before"], {"recipe": LOOKED["recipe"], "text": LOOKED["text"]})
DRAWN = {"x": "inside_reclassified", "x2": "inside_heads_moved", "x3": "inside_lens", "x4": "inside_patched_concept"}


def lines(figure, axis):
    """Name to values of the lines of a panel, without the bands."""
    return {trace.name: trace.y for trace in figure.data if (trace.xaxis or "x") == axis and trace.name}


def test_every_panel_holds_its_numbers():
    figure = inside(RESULT)
    for axis, name in DRAWN.items():
        values = RESULT[name].sel(language="en") if name == "inside_lens" else RESULT[name]
        drawn = lines(figure, axis)
        assert list(drawn) == (["before"] if axis in ("x3", "x4") else []) + ["recipe", "text"]
        for condition, line in drawn.items():
            np.testing.assert_allclose(line, values.sel(condition=condition))
    assert [trace.name for trace in figure.data if trace.showlegend] == ["before", "recipe", "text"]


def test_a_condition_has_one_colour_in_all_panels():
    figure = inside(RESULT, language="de", style="paper")
    colours = {(trace.name, trace.line.color) for trace in figure.data if trace.name}
    assert len(colours) == 3
    np.testing.assert_allclose(lines(figure, "x3")["text"], RESULT.inside_lens.sel(language="de", condition="text"))


def test_parts_that_were_not_looked_at_have_no_panel(tmp_path):
    only = RESULT[[name for name in RESULT if "heads_moved" in name or "rank" in name]]
    figure = inside(only)
    assert list(lines(figure, "x")) == ["recipe", "text"]
    wb.save_result(RESULT, tmp_path / "inside.nc")
    assert len(inside(wb.load_result(tmp_path / "inside.nc")).data) == len(inside(RESULT).data)


def test_another_result_is_refused(heads):
    with pytest.raises(BadArgument, match="nothing inside"):
        inside(heads)
    with pytest.raises(UnknownLanguage, match="fi"):
        inside(RESULT, language="fi")
