"""Token efficiency against accuracy: a point for each tokenizer and stratum, lines within and over the strata."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from workbench.figures.drawing import style
from workbench.figures.drawing.choose import choose, require_variables
from workbench.figures.drawing.labels import value_label
from workbench.figures.heatmap import with_question
from workbench.figures.printing.styled import styled

_FLAGS = {
    "simpson": "within strata the relation has the opposite sign (Simpson's paradox)",
    "confounded": "the relation comes from differences between strata",
    "none": "within strata the relation has the same sign, or none shows",
    "undecided": "too few distinct values for an interval",
}


@styled
def scatter(result: xr.Dataset, *, title: str | None = None) -> go.Figure:
    """Draw the result of `evaluation.efficiency`: points by stratum, each with its line, and the pooled line dashed.

    Args:
        result: what `wb.evaluation.efficiency` returned.
        title: in place of the question that the figure answers; "" for none.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: another Result.

    Example:
        >>> wb.figures.scatter(wb.evaluation.efficiency(tokenization, accuracies))               # doctest: +SKIP
    """
    require_variables(result, {"pearson", "x", "y", "stratum"}, "scatter draws what wb.evaluation.efficiency returns")
    x, y, stratum = (result[name].to_numpy() for name in ("x", "y", "stratum"))
    figure = go.Figure()
    for number, name in enumerate(dict.fromkeys(stratum.tolist())):
        own = stratum == name
        colour = style.LINES[number % len(style.LINES)]
        label = ", ".join(value_label("language", part) for part in name.split(", "))
        hover = f"<b>{label}</b><br>%{{x:.3g}} {result.attrs['measure']}<br>accuracy %{{y:.3g}}<extra></extra>"
        shared = {"name": label, "legendgroup": name}
        marker = {"color": colour, "size": 10, "opacity": 0.8, "line": {"color": "white", "width": 1}}
        figure.add_scatter(x=x[own], y=y[own], mode="markers", marker=marker, hovertemplate=hover, **shared)
        figure.add_scatter(**_line(x[own], y[own]), line={"color": colour}, showlegend=False, **shared)
    figure.add_scatter(**_line(x, y), name="pooled", line={"color": "#333333", "dash": "dash"})
    figure.update_xaxes(title={"text": result["x"].attrs["long_name"]})
    figure.update_yaxes(title={"text": "accuracy"})
    figure.update_layout(height=420)
    pooled, centred = (float(result["pearson"].sel(scope=scope)) for scope in ("pooled", "centred"))
    notes = [f"Pearson {pooled:.2f} pooled, {centred:.2f} within strata: {_FLAGS[result.attrs['flag']]}"]
    default = "Do models do better where their tokenizers need fewer tokens?"
    return with_question(figure, title, result, choose(result, "y", {}), default=default, notes=notes)


def _line(x: np.ndarray, y: np.ndarray) -> dict:
    """The least-squares line over the range of x; nothing where x does not vary."""
    if len(x) < 2 or np.ptp(x) == 0:
        return {"x": [], "y": [], "mode": "lines", "hoverinfo": "skip"}
    ends = np.array([x.min(), x.max()])
    return {"x": ends, "y": np.polyval(np.polyfit(x, y, 1), ends), "mode": "lines", "hoverinfo": "skip"}
