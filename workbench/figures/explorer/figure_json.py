"""Figures as plain JSON, for the page."""

import json
from typing import Any

import plotly.graph_objects as go
import plotly.io


def figure_json(figure: go.Figure, **layout: Any) -> Any:
    """A figure as plain JSON for the page, which has its own heading and no zoom."""
    plain = plain_json(figure)
    for name, value in plain["layout"].items():
        if name.startswith(("xaxis", "yaxis")):
            value["fixedrange"] = True
    plain["layout"] |= {"title": None, "dragmode": False, "template": None, **layout}
    return plain


def plain_json(figure: go.Figure) -> Any:
    """A figure as plotly's own JSON, of lists and numbers."""
    return json.loads(str(plotly.io.to_json(figure, validate=False)))
