"""Before and after: how many neurons each language has in two checkpoints, and how neurons moved between classes."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from workbench.figures.drawing import style
from workbench.figures.drawing.choose import choose, require_variables
from workbench.figures.drawing.labels import value_label
from workbench.figures.heatmap import with_question
from workbench.figures.printing.styled import styled
from workbench.text.display.words import percent

_NEEDED = {"members_before", "members_after", "change", "transition", "expected"}
_BEFORE, _AFTER = "#7F7F7F", "#D55E00"


@styled
def before_after(result: xr.Dataset, *, title: str | None = None) -> go.Figure:
    """Draw the result of `neurons.compare`: languages on the left, moves between classes on the right.

    Left: for each language its specific and related neurons, a grey mark before and an orange one after, joined by a
    line; a star after the name of a trained language. The hover text has interval and p-value of each
    kind. Right: neurons by their class before (rows) and after (columns); the colour is the share of the row.

    Args:
        result: what `neurons.compare` returned.
        title: in place of the question that the figure answers; "" for none.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: another Result.

    Example:
        >>> wb.figures.before_after(wb.neurons.compare(before, after, trained="de,fr"))
    """
    require_variables(result, _NEEDED, "before_after draws what neurons.compare returns")
    chosen = choose(result, "change", {})
    rows = max(result.sizes["language"], 5)
    figure = make_subplots(
        rows=1,
        cols=2,
        column_widths=[0.5, 0.5],
        horizontal_spacing=0.17,
        subplot_titles=["specific and related neurons of each language", "class before (rows) and after (columns)"],
    )
    for trace in _languages(result, chosen.values.get_index("language").tolist()):
        figure.add_trace(trace, row=1, col=1)
    figure.add_trace(_moves(result), row=1, col=2)
    figure.update_annotations(font={"size": 13}, yshift=4)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title={"text": "neurons"}, rangemode="tozero", row=1, col=1)
    figure.update_xaxes(title={"text": "after"}, showgrid=False, row=1, col=2)
    figure.update_yaxes(title={"text": "before"}, showgrid=False, row=1, col=2)
    top, bottom = style.MARGIN["t"] + 24, style.MARGIN["b"] + 28  # the legend lies under the axis' title
    figure.update_layout(
        height=max(388, 26 * rows + top + bottom),
        margin={"t": top, "l": 170, "b": bottom},
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
    )
    notes = [f"{percent(result.attrs['kept'])} of the neurons keep their class (kappa {result.attrs['kappa']:.2f})"]
    notes += ["★ trained language"] if "trained" in result else []
    default = "Which neurons changed class between the checkpoints?"
    return with_question(figure, title, result, chosen, default=default, notes=notes, columns=4)


def _languages(result: xr.Dataset, languages: list[str]) -> list[go.Scatter]:
    """A line for each language, and its two ends."""
    part = result.sel(language=languages)
    names = [value_label("language", code) for code in languages]
    if "trained" in result:
        names = [f"{name} ★" if used else name for name, used in zip(names, part.trained.values, strict=True)]
    before, after = (part[name].sum("kind").values for name in ("members_before", "members_after"))
    joined_x = np.stack([before, after, np.full(len(names), np.nan)], 1).ravel()
    joined_y = [name for name in names for _ in range(3)]
    text = [_changes(part.sel(language=code), name) for code, name in zip(languages, names, strict=True)]
    line = {"color": "#c9ccd1", "width": 3}
    return [
        go.Scatter(x=joined_x, y=joined_y, mode="lines", line=line, hoverinfo="skip", showlegend=False),
        *(
            go.Scatter(
                x=values,
                y=names,
                name=name,
                mode="markers",
                marker={"size": 10, "color": colour, "symbol": symbol},
                text=text,
                hovertemplate="%{text}<extra></extra>",
            )
            for values, name, colour, symbol in (
                (before, "before", _BEFORE, "circle-open"),
                (after, "after", _AFTER, "circle"),
            )
        ),
    ]


def _changes(cell: xr.Dataset, name: str) -> str:
    lines = [f"<b>{name}</b>"]
    for kind in cell.kind.values.tolist():
        change = cell.sel(kind=kind)
        lines.append(
            f"{kind}: {int(change.members_before)} to {int(change.members_after)}, change {int(change.change):+d} "
            f"({float(change.low):+.0f} to {float(change.high):+.0f}), p-value {float(change.p_value):.3g}"
        )
    return "<br>".join(lines)


def _moves(result: xr.Dataset) -> go.Heatmap:
    """Neurons by class before and after, coloured by the share of the row."""
    counts = result.transition.transpose("before", "after")
    share = counts / counts.sum("after").clip(min=1)
    expected = result.expected.transpose("before", "after").values
    return go.Heatmap(
        z=share.values,
        x=counts.after.values.tolist(),
        y=counts.before.values.tolist(),
        text=counts.values,
        texttemplate="%{text:,d}",
        customdata=expected,
        colorscale=style.SEQUENTIAL,
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "share of<br>the row", "font": {"size": 12}}, "thickness": 12, "tickformat": ".0%"},
        hovertemplate=(
            "%{y} before, %{x} after<br>%{text:,d} neurons, %{z:.1%} of the row<br>by chance %{customdata:.1f}"
            "<extra></extra>"
        ),
    )
