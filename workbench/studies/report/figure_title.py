"""A figure under a section's heading: without the title that says the same."""

from html import unescape
from typing import Any

import plotly.graph_objects as go

_TITLE = 34  # pixels that a figure's title takes
_LINE = 14  # the line under it
_MORE = 16  # and each further line


def untitled(figure: go.Figure, heading: str) -> tuple[go.Figure, str]:
    """Where a heading says what the figure's title says: the figure without it, and the line that stood under it.

    Args:
        figure: Left as it is.
        heading: Of the section.

    Returns:
        A figure of its own, and plain text, which is empty where the figure keeps its title.
    """
    figure = go.Figure(figure)
    layout: Any = figure.layout
    title = layout.title
    if not title.text or plain(title.text) != heading or layout.height is None or layout.margin.t is None:
        return figure, ""
    line = title.subtitle.text if title.subtitle and title.subtitle.text else ""
    saved = _TITLE + _LINE * bool(line) + _MORE * line.count("<br>")
    figure.update_layout(
        title={"text": "", "subtitle": {"text": ""}},
        margin={"t": layout.margin.t - saved},
        height=layout.height - saved,
    )
    return figure, plain(line, " · ")


def plain(text: str, between: str = " ") -> str:
    """A title's text without what plotly reads as tags; its lines joined."""
    return unescape(text.replace("<br>", between))
