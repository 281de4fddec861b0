"""One neuron: how often it fires in each language, and which tokens it makes more and less likely."""

from typing import Any

import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from workbench.figures.drawing import style
from workbench.figures.drawing.choose import choose, require_variables
from workbench.figures.drawing.labels import token_label, value_label
from workbench.figures.heatmap import with_question
from workbench.figures.printing.styled import styled

NEEDED = {"text", "activation", "fires", "promoted", "suppressed"}
DRAWS = "this draws what neurons.look returns"


@styled
def neuron(result: xr.Dataset, *, title: str | None = None) -> go.Figure:
    """Draw the result of `neurons.look` for one neuron; `neuron_card` shows its texts.

    Left: the share of each language's tokens at which it fires. Right: the tokens whose logits it raises (orange) and
    lowers (blue) most.

    Args:
        result: what `neurons.look` returned.
        title: in place of the question that the figure answers; "" for none.

    Returns:
        The figure; it is neither shown nor written.

    Raises:
        BadArgument: another Result.

    Example:
        >>> wb.figures.neuron(wb.neurons.look(model, corpus, 3, 17))
    """
    require_variables(result, NEEDED, DRAWS)
    chosen = choose(result, "fires", {})
    names = [value_label("language", code) for code in chosen.values.get_index("language")]
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.2,
        subplot_titles=["share of tokens at which it fires", "tokens whose logits it raises and lowers"],
    )
    bar: Any = {"orientation": "h", "showlegend": False}
    figure.add_trace(
        go.Bar(
            x=chosen.values.values,
            y=names,
            marker_color=style.LINES[0],
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
            **bar,
        ),
        row=1,
        col=1,
    )
    # a small vocabulary may have the same token in both lists: positions are numbers, words are their ticks
    ticks: list[str] = []
    for name, colour, step in (("promoted", style.LINES[1], 1), ("suppressed", style.LINES[0], -1)):
        words = [token_label(token) for token in result[name].values[::step]]
        figure.add_trace(
            go.Bar(
                x=result[f"{name}_by"].values[::step].astype(float).tolist(),
                y=list(range(len(ticks), len(ticks) + len(words))),
                text=words,
                textposition="none",
                marker_color=colour,
                hovertemplate="%{text}: %{x:+.3g}<extra></extra>",
                **bar,
            ),
            row=1,
            col=2,
        )
        ticks += words
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(ticks))), ticktext=ticks, row=1, col=2)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(tickformat=".0%", range=[0, 1], row=1, col=1)
    figure.update_xaxes(title={"text": "logits per activation, before the norm's scale"}, row=1, col=2)
    figure.update_annotations(font={"size": 13}, yshift=4)
    top = style.MARGIN["t"] + 24
    rows = max(len(names), len(ticks))
    figure.update_layout(height=22 * rows + top + style.MARGIN["b"], margin={"t": top, "l": 150}, bargap=0.25)
    default = f"What does neuron {result.attrs['neuron']} of layer {result.attrs['layer']} do?"
    return with_question(figure, title, result, chosen, default=default, columns=4)
