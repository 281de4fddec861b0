"""The one style of every figure: fonts, colours that colour-blind readers can tell apart, sizes in pixels."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

FONT = (
    "Inter, 'Noto Sans', 'Noto Sans Arabic', 'Noto Sans Devanagari', 'Noto Sans CJK JP', 'Noto Sans CJK SC', "
    "system-ui, 'Segoe UI', sans-serif"
)

# Viridis (van der Walt & Smith 2015): even steps with and without colour vision deficiency, and no grey in it.
SEQUENTIAL = "Viridis"
# ColorBrewer RdBu turned round: blue below zero, near-white at zero, red above; safe for red-green blindness.
DIVERGING = "RdBu_r"
# What was not measured: a grey that neither scale contains at its ends or at zero.
MISSING = "#a9adb5"

# Okabe & Ito (2008) without black and yellow, which are invisible on a dark or a light page.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
DASHES = ("solid", "dash", "dot", "dashdot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down")

# Categories keep their colour in every figure; the order is the order of the legend.
CATEGORIES = {
    "specific": "#D55E00",
    "shared": "#E69F00",
    "related": "#E69F00",
    "general": "#0072B2",
    "agnostic": "#0072B2",
    "unassigned": "#CC79A7",
    "misc": "#CC79A7",
    "yes": "#D55E00",
    "other": "#c9ccd1",
    "none": "#c9ccd1",
    "no": "#c9ccd1",
}

# plotly.js 4 has a button that uploads the figure to its maker's server: no result should leave by accident.
_NO_BUTTONS = ("sendChartToCloud", "lasso2d", "select2d")

# Height of a row of cells, and the least and largest height of a panel.
ALONE = (34, 200, 480)
AMONG = (22, 110, 340)
AMONG_WIDE = (14, 84, 340)
GAP = 38  # between rows of panels: the lower panel's title
MARGIN = {"l": 68, "r": 24, "t": 78, "b": 62}


def _template(*, ink: str, faint: str, paper: str, box: str) -> go.layout.Template:
    axis = {
        "gridcolor": faint,
        "linecolor": faint,
        "tickcolor": faint,
        "zerolinecolor": faint,
        "ticks": "outside",
        "ticklen": 4,
        "tickfont": {"size": 11},
        "title": {"font": {"size": 12}, "standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": ink},
            "title": {"font": {"size": 17}, "subtitle": {"font": {"size": 12, "color": ink}}},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "hoverlabel": {
                "bgcolor": box,
                "bordercolor": faint,
                "font": {"family": FONT, "color": ink},
                "align": "left",
            },
            "legend": {"bgcolor": "rgba(0,0,0,0)", "font": {"size": 12}},
            "colorway": list(LINES),
            "xaxis": axis,
            "yaxis": axis,
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": faint, "activecolor": ink, "remove": list(_NO_BUTTONS)},
        }
    )


LIGHT = _template(ink="#1d2530", faint="#d5d9df", paper="#ffffff", box="#ffffff")
DARK = _template(ink="#e4e7ec", faint="#4a5361", paper="#161b22", box="#222a35")


def whiskers(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """Error bars of plotly from `low` to `high`."""
    up, down = (high - values).clip(min=0), (values - low).clip(min=0)
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down}


def category_colours(names: list[str]) -> dict[str, str]:
    """Colour of every category, known ones first and in their fixed order, others after them by name."""
    known = [name for name in CATEGORIES if name in names]
    others = sorted(set(names) - set(known))
    return {name: CATEGORIES[name] for name in known} | {
        name: LINES[index % len(LINES)] for index, name in enumerate(others)
    }
