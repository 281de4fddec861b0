"""Cells as vector paths, which stay sharp at any resolution: plotly draws heatmaps as bitmaps."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from workbench.figures.printing.panels import layout_of, traces

_LEVELS = 256  # colours of a scale
_GAP = 0.5  # pixels of white between cells
_SEAM = 0.3  # pixels of its own colour around a cell without a gap, so that no white shows between cells
_CROWDED = 200  # cells in a row from which a seam would widen them


def outline(figure: go.Figure) -> None:
    """Replace every cell by a path, one path for the cells of a colour; the trace stays for its scale."""
    shapes: list[dict[str, Any]] = []
    keys: list[go.Scatter] = []
    for trace in traces(figure):
        if trace.type != "heatmap" or (across := _places(trace.x)) is None or (up := _places(trace.y)) is None:
            continue
        own: Any = layout_of(figure).coloraxis if trace.coloraxis else trace
        low, high = (own.cmin, own.cmax) if trace.coloraxis else (own.zmin, own.zmax)
        if low is None or high is None or own.colorscale is None:
            continue
        z = np.asarray(trace.z, dtype=float)
        share = (z - low) / ((high - low) or 1)
        level = np.where(np.isfinite(z), np.rint(np.clip(share, 0, 1) * (_LEVELS - 1)), -1).astype(int)
        scale = [list(stop) for stop in own.colorscale]
        for at in np.unique(level[level >= 0]):
            colour = sample_colorscale(scale, [at / (_LEVELS - 1)])[0]
            line = {"width": _GAP, "color": "#fff"} if trace.xgap else {"width": _SEAM, "color": colour}
            if len(z[0]) > _CROWDED:
                line = {"width": 0}
            path = "".join(
                f"M{across[i] - 0.5},{up[j] - 0.5}H{across[i] + 0.5}V{up[j] + 0.5}H{across[i] - 0.5}Z"
                for j, i in np.argwhere(level == at).tolist()
            )
            place = {"xref": trace.xaxis or "x", "yref": trace.yaxis or "y", "layer": "below"}
            shapes.append({"type": "path", "path": path, "fillcolor": colour, "line": line, **place})
        trace.opacity = 0  # its text and its scale stay
        if trace.showlegend:
            keys.append(_key(trace, scale[-1][1]))
            trace.showlegend = False
    figure.add_traces(keys)
    figure.update_layout(shapes=[*layout_of(figure).shapes, *shapes])


def _key(trace: Any, colour: str) -> go.Scatter:
    """A legend entry, because plotly has none for a transparent trace."""
    square = {"symbol": "square", "size": 8, "color": colour}
    place = {"xaxis": trace.xaxis, "yaxis": trace.yaxis}
    return go.Scatter(x=[None], y=[None], mode="markers", marker=square, name=trace.name, showlegend=True, **place)


def _places(names: Any) -> list[int] | None:
    """Where the middles of cells lie, one apart; words lie where plotly puts them, from zero; None for others."""
    if names is None or not len(names):
        return None
    if isinstance(names[0], str):
        return list(range(len(names)))
    return np.asarray(names).tolist() if (np.diff(np.asarray(names)) == 1).all() else None
