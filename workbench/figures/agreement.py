"""Agreement: how similar each head score is to one of them, with intervals and the level of chance."""

import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from workbench.errors import BadArgument
from workbench.figures.drawing import style
from workbench.figures.heatmap import titled
from workbench.figures.printing.styled import styled
from workbench.figures.question import origin

_NAMES = {
    "zero": "zero ablation",
    "mean": "mean ablation",
    "resample": "resample ablation",
    "lahis": "LAHIS (paper)",
    "lahis_released": "LAHIS (released code)",
    "michel": "Michel",
    "gradient": "gradient x activation",
    "magnitude": "norm of W_O",
    "random": "random",
}


@styled
def agreement(result: xr.Dataset, *, reference: str = "zero", title: str | None = None) -> go.Figure:
    """Draw rank correlation and overlap of the strongest heads with one method, means over languages.

    Args:
        result: Of `heads.agreement`.
        reference: The score that the others are compared with.
        title: In place of the question that the figure answers; "" for none.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: Not such a result, or it does not have this score.

    Example:
        >>> wb.figures.agreement(wb.heads.agreement(model, corpus))
    """
    if not {"mean_correlation", "mean_overlap"} <= set(result.data_vars):
        has = ", ".join(map(str, result.data_vars)) or "none"
        raise BadArgument(f"agreement draws a result of heads.agreement; this one has the variables: {has}")
    methods = [str(name) for name in result["score"].values]
    if reference not in methods:
        raise BadArgument(f"reference={reference!r} is not in this result (has: {', '.join(methods)})")
    others = [name for name in methods if name != reference]
    part = result.sel(other=reference).reindex(score=others)
    panels = (("mean_correlation", "rank correlation", 0.0), ("mean_overlap", "share of the strongest in common", None))
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    labels = [_NAMES.get(name, name) for name in others]
    for column, (variable, words, chance) in enumerate(panels, 1):
        values = part[variable].values
        low, high = part[f"{variable}_low"].values, part[f"{variable}_high"].values
        figure.add_trace(
            go.Scatter(
                x=values,
                y=labels,
                mode="markers",
                marker={"size": 9, "color": style.LINES[0]},
                error_x=style.whiskers(values, low, high) | {"color": style.LINES[0], "thickness": 2},
                customdata=list(zip(low, high, strict=True)),
                hovertemplate="<b>%{y}</b><br>%{x:.2f}<br>interval %{customdata[0]:.2f} to %{customdata[1]:.2f}"
                "<extra></extra>",
                showlegend=False,
            ),
            row=1,
            col=column,
        )
        chance = float(result.attrs.get("chance", 0.0)) if chance is None else chance
        figure.add_vline(x=chance, line={"dash": "dash", "width": 1, "color": style.MISSING}, row=1, col=column)  # type: ignore[arg-type]
        figure.update_xaxes(title_text=words, row=1, col=column)
    figure.update_yaxes(autorange="reversed")
    default = f"Which scores name the same heads as {_NAMES.get(reference, reference)}?"
    heading = default if title is None else title or None
    notes = [f"mean over {result.sizes['language']} languages", "whisker: interval over texts", "dashed: by chance"]
    figure.update_layout(height=150 + 34 * len(others), margin={"l": 160})
    return titled(figure, heading, " · ".join([*origin(result), *notes]), columns=3)
