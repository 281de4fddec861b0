"""A panel: a figure on the page with its heading as text, which is redrawn by sending only what differs."""

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import plotly.graph_objects as go

from workbench.figures.drawing import style

_TOP = 40  # pixels above the cells, for the names of panels
_CLEAR = "rgba(0,0,0,0)"  # the page's own colour shows


class Panel(ipywidgets.VBox):
    """A heading and a FigureWidget.

    Plotly lays a title out before the notebook has given it a place, so that it covers what is below; the heading is
    text of the page instead.

    Args:
        figure: what to show first.
        clicked: called with the trace, its points and the state when a cell is clicked.
        own_width: draw the figure as wide as it asks for, and scroll; else as wide as the page.

    Attributes:
        figure: the FigureWidget.
        heading: the figure's title and the line under it.
    """

    def __init__(
        self,
        figure: go.Figure,
        *,
        clicked: Callable[[Any, Any, Any], None] | None = None,
        own_width: bool = False,
    ):
        self._own_width = own_width
        self.heading = ipywidgets.HTML()
        self._draw_heading(figure)
        self.figure: Any = go.FigureWidget(self._plain(figure))
        for trace in self.figure.data if clicked else ():
            trace.on_click(clicked)
        drawn = ipywidgets.Box([self.figure], layout={"overflow": "auto hidden"}) if own_width else self.figure
        super().__init__([self.heading, drawn])

    def draw(self, figure: go.Figure) -> None:
        """Show another figure of the same kinds of traces."""
        self._draw_heading(figure)
        plain = self._plain(figure)
        shared = min(len(self.figure.data), len(plain.data))
        if len(self.figure.data) > shared:
            self.figure.data = self.figure.data[:shared]
        with self.figure.batch_update():
            for old, new in zip(self.figure.data, plain.data, strict=False):
                _become(old, new.to_plotly_json(), keep={"type", "uid"})
            fixed = {"template"} if self._own_width else {"template", "width"}
            _become(self.figure.layout, plain.layout.to_plotly_json(), keep=fixed)
        self.figure.add_traces(plain.data[shared:])

    def fit(self, *, width: int, dark: bool) -> None:
        """Follow the page's width in pixels and its theme."""
        with self.figure.batch_update():
            if not self._own_width:
                self.figure.layout.width = width or None
            self.figure.layout.template = style.DARK if dark else style.LIGHT

    def _plain(self, figure: go.Figure) -> Any:
        """A figure without its title, and with None for NaN, which JSON does not have."""
        plain: Any = go.Figure(figure).update_layout(title=None, margin={"t": _TOP}, paper_bgcolor=_CLEAR)
        if not self._own_width:
            plain.update_layout(width=None)
        if plain.layout.plot_bgcolor is None:
            plain.update_layout(plot_bgcolor=_CLEAR)
        for trace in plain.data:
            for name, values in trace.to_plotly_json().items():
                if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isnan(values).any():
                    trace[name] = np.where(np.isnan(values), None, values)  # pyright: ignore
        return plain

    def _draw_heading(self, figure: Any) -> None:
        title = figure.layout.title
        under = title.subtitle.text or ""
        self.heading.value = f'<h4 class="wb-heading">{title.text}</h4><p class="wb-under">{under}</p>'


def _become(shown: Any, wanted: dict[str, Any], *, keep: set[str]) -> None:
    gone = {key: None for key in shown.to_plotly_json() if key not in wanted}
    shown.update({key: value for key, value in {**gone, **wanted}.items() if key not in keep}, overwrite=True)
