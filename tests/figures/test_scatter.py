"""The scatter of efficiency: its lines are least squares, and its note says what the flag means."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.evaluation.test_efficiency import PARADOX, made, scores
from workbench.errors import BadArgument


def test_points_lines_and_note():
    tokens = made(PARADOX[0])
    figure = wb.figures.scatter(wb.evaluation.efficiency(tokens, scores(tokens, PARADOX[1])))
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert [trace.name for trace in points] == ["German · Deutsch", "Finnish · Suomi"]
    assert points[0].x.tolist() == [1, 2, 3] and points[1].y.tolist() == [0.40, 0.42, 0.44]
    pooled = next(trace for trace in figure.data if trace.name == "pooled")
    slope = np.polyfit([1, 2, 3, 5, 6, 7], [0.80, 0.82, 0.84, 0.40, 0.42, 0.44], 1)
    assert pooled.y == pytest.approx(np.polyval(slope, [1, 7]))
    assert "Simpson's paradox" in figure.layout.title.text + (figure.layout.title.subtitle.text or "")


def test_another_result_is_refused():
    with pytest.raises(BadArgument, match="another Result"):
        wb.figures.scatter(xr.Dataset({"x": ("point", [1.0])}))
