"""Pictures of a report's figures, in the light theme and without the titles that the sections have."""

from typing import Any

import plotly.graph_objects as go

from workbench.figures.drawing import style
from workbench.figures.printing.pictures import draw
from workbench.studies.report.contents import Report

_SCALE = {"png": 2, "svg": 1}  # a PNG has two pixels for each of the page's, so that screens of today show it sharp


def pictures(report: Report, kind: str, *, width: int) -> list[bytes]:
    """A picture of every section's figure in the light theme.

    Args:
        report: With figures or without.
        kind: `png` or `svg`.
        width: Pixels; wider where a figure needs more.

    Returns:
        One for each section; empty for a section without a figure.

    Raises:
        BadArgument: Kaleido or a Chromium is not installed.
    """
    drawn = []
    for section in report.sections:
        if section.figure is not None:
            figure = go.Figure(section.figure).update_layout(template=style.LIGHT)  # the caller's keep their theme
            layout: Any = figure.layout
            drawn.append((figure, int(max(width, layout.width or 0)), int(layout.height or 450)))
    if not drawn:
        return [b"" for _ in report.sections]
    made = iter(draw(drawn, kind, scale=_SCALE[kind], instead="--format html"))
    return [b"" if section.figure is None else next(made) for section in report.sections]
