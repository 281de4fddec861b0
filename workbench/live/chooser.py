"""Chooser: the chosen head under the arrow keys, and a sentence about it, also for screen readers."""

from pathlib import Path

import anywidget
import traitlets

_HERE = Path(__file__).parent


class Chooser(anywidget.AnyWidget):
    """A small box that takes the focus: left and right change the head, up and down the layer.

    Without layers there is no box, only the sentence, and the page's width and theme.
    """

    _esm = _HERE / "chooser.js"
    _css = _HERE / "chooser.css"
    layer = traitlets.Int(0).tag(sync=True)
    head = traitlets.Int(0).tag(sync=True)
    layers = traitlets.Int(1).tag(sync=True)
    heads = traitlets.Int(1).tag(sync=True)
    figures = traitlets.Int(0).tag(sync=True)  # number of figures, which follow the page's width once they are drawn
    status = traitlets.Unicode("").tag(sync=True)
    width = traitlets.Int(0).tag(sync=True)  # of the page in pixels; 0 before it is shown
    dark = traitlets.Bool(False).tag(sync=True)
