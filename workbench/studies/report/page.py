"""The report as one self-contained page with interactive figures.

The page works offline: it embeds plotly.js once, and its content security policy forbids network requests.
"""

import json
from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import plotly.io
from plotly.offline import get_plotlyjs

from workbench.figures.drawing import style
from workbench.studies.report import body
from workbench.studies.report.contents import Report, Section

_HERE = Path(__file__).parent
_HEADS = ["layer", "head"]  # axes of cells that are heads
_HINT = '<p class="hint">A click on a cell opens its head in the explorer.</p>'


def page(report: Report, *, run: str = ".", beside: Mapping[str, str] | None = None) -> str:
    """The page as text.

    Args:
        report: What it says.
        run: Address of the run folder as seen from the page.
        beside: Addresses of other pages of the run, and what is on them.
    """
    themes = {"light": style.LIGHT.to_plotly_json(), "dark": style.DARK.to_plotly_json()}
    explorer = body.explorer_of(beside or {})
    return Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(report.title),
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
        themes=_inside_script(json.dumps(themes)),
        header=body.header(report, beside or {}),
        contents=body.contents(report),
        sections=body.sections(report, partial(_figure, explorer), run=run, pages=beside),
    )


def _figure(explorer: str, number: int, section: Section) -> str:
    """A scrolling frame with the figure's least width and its height, and its data for the script at the end.

    Cells that are heads lead to the explorer, where there is one.
    """
    assert section.figure is not None
    layout: Any = section.figure.layout
    meta = layout.meta if isinstance(layout.meta, Mapping) else {}
    width = meta.get("least_width", 560)
    data = _inside_script(str(plotly.io.to_json(section.figure, validate=False)))
    name = escape(f"{section.title} {section.reading}")
    leads = f' data-explorer="{escape(explorer)}"' if explorer and list(meta.get("cells") or ()) == _HEADS else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="Figure: {escape(section.title)}">'
        f'<div class="plot" id="figure-{number}" role="img" aria-label="{name}" '
        f'style="min-width:{int(width)}px;height:{int(layout.height or 450)}px"{leads}></div></div>'
        f"{_HINT if leads else ''}"
        f'<script type="application/json" data-figure="figure-{number}">{data}</script>'
    )


def _inside_script(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c")
