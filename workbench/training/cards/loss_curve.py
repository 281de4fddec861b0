"""The loss curve of a run as a Plotly page."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from workbench.results.files import write_whole


def loss_figure(history: list[dict[str, float]], *, title: str) -> go.Figure:
    """history: one {tokens, loss (nats per token), rate (factor on the learning rate)} per logged step."""
    tokens = [entry["tokens"] for entry in history]
    figure = go.Figure(go.Scatter(x=tokens, y=[entry["loss"] for entry in history], name="loss"))
    figure.add_scatter(
        x=tokens, y=[entry["rate"] for entry in history], name="learning rate (share of its top)", yaxis="y2"
    )
    return figure.update_layout(
        title=title,
        xaxis_title="tokens read",
        yaxis_title="training loss [nats per token]",
        yaxis2={"overlaying": "y", "side": "right", "range": [0, 1.05], "showgrid": False},
        legend={"orientation": "h", "y": 1.1, "x": 1, "xanchor": "right"},
    )


def write_loss_curve(path: Path, history: list[dict[str, float]], *, title: str) -> None:
    """Writes the figure as one HTML file that needs no network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, loss_figure(history, title=title).to_html(include_plotlyjs=True))
