"""Figures in a notebook's file, in a form that needs neither Jupyter nor a network."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go
import plotly.io
from plotly.io.base_renderers import MimetypeRenderer
from plotly.offline import get_plotlyjs

from workbench.arguments import checked
from workbench.figures.printing.save import picture

_MIMETYPE = "plotly_mimetype"  # what JupyterLab and VS Code draw themselves
_DPI = 192


@dataclass(frozen=True)
class Embedded:
    """What the cell that called `embed` shows: a line, and with `html` the plotly.js that all figures use."""

    form: str

    def _repr_html_(self) -> str:
        script = f"<script>{get_plotlyjs()}</script>" if self.form == "html" else ""
        return f"{script}<p>Figures of this notebook are saved as {self.form} too.</p>"


@checked
def embed(form: Literal["html", "png"] = "html") -> Embedded:
    """Save every figure from here on in a second form that needs no JupyterLab.

    Call it as the last line of a notebook's first cell: what it returns is that cell's output. JupyterLab and VS Code
    go on to draw figures themselves.

    - `html`: `jupyter nbconvert --to html` makes a page whose figures are interactive without a network; the file
      grows by 5 MB once.
    - `png`: pages that run no scripts, such as a code host's, show a picture; a figure takes a second or two, and needs
      kaleido and a Chromium.

    Args:
        form: `html` or `png`.

    Returns:
        What the cell shows.

    Raises:
        BadArgument: Another form; when a figure is shown: pictures cannot be drawn here.

    Example:
        >>> wb.figures.embed()                                                                   # doctest: +SKIP
    """
    renderers: Any = plotly.io.renderers
    renderers["workbench"] = _Second(form)
    renderers.default = f"{_MIMETYPE}+workbench"
    return Embedded(form)


class _Second(MimetypeRenderer):
    """plotly asks for a subclass; its own HTML would fetch MathJax from the network."""

    def __init__(self, form: str):
        self.form = form

    def to_mimebundle(self, fig_dict: dict[str, Any]) -> dict[str, Any]:
        """The second form of a figure."""
        figure = go.Figure(fig_dict, skip_invalid=True)
        if self.form == "png":
            drawn = picture([figure], "png", dpi=_DPI, instead="wb.figures.embed('html')")[0]
            return {"image/png": b64encode(drawn).decode()}
        page = {"full_html": False, "include_plotlyjs": False, "include_mathjax": False, "auto_play": False}
        return {"text/html": figure.to_html(**page, config={"responsive": True})}
