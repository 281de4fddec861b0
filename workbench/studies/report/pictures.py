"""Pictures of a report's figures, drawn by Chromium through kaleido, which is an extra."""

import tempfile
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.errors import BadArgument
from workbench.figures.drawing import style
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
    figures = [section.figure for section in report.sections]
    drawn = [go.Figure(figure) for figure in figures if figure is not None]  # the caller's keep their theme
    if not drawn:
        return [b"" for _ in figures]
    try:
        import kaleido

        from workbench.studies.report.checks.offline import OfflineChromium
    except ImportError:
        raise BadArgument(
            "pictures are drawn by kaleido, which is not installed; pip install 'babel-workbench[docs]' brings it, "
            "and --format html needs no pictures"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        asked = [_asked(figure, Path(folder) / f"{number}.{kind}", width) for number, figure in enumerate(drawn)]
        try:
            # MathJax would come from the network
            kaleido.write_fig_from_object_sync(asked, kopts={"mathjax": False, "browser_cls": OfflineChromium})
        except Exception as error:
            raise BadArgument(
                f"pictures are drawn by Chromium or Chrome, and it did not start ({type(error).__name__}); "
                "apt-get install chromium brings it, and --format html needs no pictures"
            ) from error
        made = iter([spec["path"].read_bytes() for spec in asked])
    return [b"" if figure is None else next(made) for figure in figures]


def _asked(figure: go.Figure, path: Path, width: int) -> dict[str, Any]:
    """What kaleido takes: figure, file, and size in pixels."""
    figure.update_layout(template=style.LIGHT)
    layout: Any = figure.layout
    size = {
        "width": int(max(width, layout.width or 0)),
        "height": int(layout.height or 450),
        "scale": _SCALE[path.suffix[1:]],
    }
    return {"fig": figure, "path": path, "opts": {"format": path.suffix[1:], **size}}
