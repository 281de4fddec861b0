"""A figure for a paper: the width of a column or page, letters of 7 and 8 points, black on white."""

from collections.abc import Mapping
from typing import Any, Literal

import plotly.graph_objects as go

from workbench.arguments import checked, finite
from workbench.figures.drawing import style
from workbench.figures.printing import marks
from workbench.figures.printing.cells import outline
from workbench.figures.printing.panels import Panels, arrange, layout_of, panels_of
from workbench.figures.printing.save import PIXELS

WIDTHS = {"column": 85.0, "page": 175.0}  # millimetres
_LEAST, _MOST = 40, 500  # millimetres
_POINT = 96 / 72  # pixels
TEXT, SMALL = 8 * _POINT, 7 * _POINT
_SHRINK = 0.6  # of heights: as letters are smaller than on a screen
_NARROW, _OWN = 88, 210  # least pixels of a panel: with shared axes, with axes of its own
_LOW = 110  # least pixels of the plot of a figure whose panels share no axes
_BAR = 56  # pixels that a colour bar takes
_LINE = 19  # pixels of a row of the legend: plotly makes none lower
_KEY = 45  # pixels of an entry of the legend beside its name
_EDGE = 6

_AXIS = {
    "linecolor": "#000",
    "tickcolor": "#000",
    "gridcolor": "#e3e3e3",
    "zerolinecolor": "#9a9a9a",
    "zerolinewidth": 0.8,
    "gridwidth": 0.5,
    "linewidth": 0.7,
    "tickwidth": 0.7,
    "showline": True,
    "mirror": False,
    "ticks": "outside",
    "ticklen": 2.5,
    "automargin": True,
    "tickfont": {"size": SMALL},
    "title": {"font": {"size": TEXT}, "standoff": 4},
}
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": style.FONT, "size": TEXT, "color": "#000"},
        "paper_bgcolor": "#fff",
        "plot_bgcolor": "#fff",
        "colorway": list(style.LINES),
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    }
)


@checked
def paper(
    figure: go.Figure, *, width: Literal["column", "page"] | float = "column", height: float | None = None
) -> go.Figure:
    """Make a figure ready to be printed: `figures.save` writes it in this size.

    Letters have 7 and 8 points at any width; panels are laid out in as many columns as the width holds; the title is
    dropped, because a caption has it, and `layout.meta["caption"]` has the words; the colour scale is labelled.

    Args:
        figure: What a function of `workbench.figures` returned; left as it is.
        width: Of the figure: `column` is 85 mm, `page` 175 mm, a number is millimetres.
        height: In millimetres; by default what rows and panels need.

    Returns:
        A figure of its own: black on white, its size in pixels, 96 per inch.

    Raises:
        BadArgument: No such width, or a size below 40 mm or beyond 500 mm.

    Example:
        >>> printed = wb.figures.paper(wb.figures.heatmap(result, "delta"), width="page")        # doctest: +SKIP
        >>> wb.figures.save(printed, "figure1.pdf")                                              # doctest: +SKIP
    """
    across = WIDTHS.get(width) if isinstance(width, str) else None
    wide = finite("width", across or width, at_least=_LEAST, at_most=_MOST) * PIXELS
    tall = None if height is None else finite("height", height, at_least=20, at_most=_MOST) * PIXELS
    made = _bare(figure)
    panels = panels_of(made)
    bar = marks.colour_title(made)
    inner = wide - _side(made) - (_BAR if bar else 0)
    columns = panels.columns
    if len(panels.axes) > 1:
        columns = max(1, min(columns, int(inner // (_NARROW if panels.alike else _OWN))))
    marks.fit_names(made, inner / columns, size=SMALL)
    marks.wrap_titles(made.select_xaxes(), inner / columns, size=TEXT)
    plot = _plot(made, figure, panels, columns, tall)
    legend = _legend(made, wide, inner, plot, bar=bar)
    made.update_layout(
        width=wide,
        height=tall or plot + marks.foot(made, size=SMALL) + legend + 2 * _EDGE,
        autosize=False,
        margin={"l": _EDGE, "r": _EDGE, "t": _EDGE, "b": _EDGE, "pad": 0, "autoexpand": True},
    )
    made.update_annotations(font={"size": TEXT})
    for x, y in panels.axes:
        low, high = layout_of(made)[y].domain or (0, 1)
        marks.wrap_titles([layout_of(made)[y]], plot * (high - low), size=TEXT)
        marks.fit_numbers(layout_of(made)[x], inner / columns, size=SMALL)
        marks.fit_numbers(layout_of(made)[y], plot * (high - low), size=SMALL, upright=True)
    marks.fit_values(made, inner / columns, plot / max(-(-len(panels.axes) // columns), 1), size=SMALL)
    outline(made)
    if bar:
        marks.colour_bar(made, plot, size=SMALL)
    return made


def _bare(figure: go.Figure) -> go.Figure:
    """A copy in black on white, without controls and hover text; the text of its title is in `meta`."""
    made = go.Figure(data=figure.data, layout=figure.layout)
    old = layout_of(figure)
    meta = dict(old.meta) if isinstance(old.meta, Mapping) else {}
    title = [old.title.text, old.title.subtitle.text if old.title.subtitle else None, meta.get("note")]
    sentences = [marks.plain(part) for part in title if part]
    meta["caption"] = " ".join(words if words.endswith(("?", ".")) else f"{words}." for words in sentences)
    made.update_layout(title=None, template=TEMPLATE, meta=meta, hovermode=False)
    layout_of(made).sliders, layout_of(made).updatemenus = (), ()
    marks.unpack(made)
    marks.name_ticks(made)
    for axes in (made.update_xaxes, made.update_yaxes):
        axes(tickfont={"size": SMALL}, title={"font": {"size": TEXT}, "standoff": 4})
    marks.thin(made)
    return made


def _side(made: go.Figure) -> float:
    """Pixels at the left of the plot: a title and the longest name."""
    first: Any = layout_of(made).yaxis
    longest = max((len(str(label)) for label in first.ticktext or ()), default=3)
    return 2 * TEXT + longest * SMALL * marks.LETTER


def _plot(made: go.Figure, figure: go.Figure, panels: Panels, columns: int, tall: float | None) -> float:
    """Lay the panels out; the height of the plot in pixels."""
    layout = layout_of(figure)
    margin = (layout.margin.t if layout.margin.t is not None else 100) + (layout.margin.b or 62)
    screen = (layout.height or 450) - margin
    scale = _SHRINK if tall is None else max(tall - marks.foot(made, size=SMALL), 20) / screen
    heights = []
    for index, (_, y) in enumerate(panels.axes):
        names = len(layout[y].ticktext or ()) if layout[y].autorange == "reversed" else 0  # words stand in rows
        least = max(names * SMALL * 1.2, 0 if panels.alike else _LOW) if tall is None else 0
        heights.append(max(screen * panels.shares[index // panels.columns] * scale, least))
    return arrange(made, panels, columns=columns, heights=heights) if len(panels.axes) > 1 else sum(heights) or _LOW


def _legend(made: go.Figure, wide: float, inner: float, plot: float, *, bar: bool) -> float:
    """Place the legend beside the plot where it fits, else in columns below it; returns its pixels below."""
    names = marks.legend_names(made)
    if not names:
        return 0
    entry = max(map(len, names)) * SMALL * 0.9 * marks.LETTER + _KEY
    look: Any = {"font": {"size": SMALL}, "itemwidth": 30, "traceorder": "normal", "title": {"font": {"size": SMALL}}}
    if wide > entry + 400 and len(names) * _LINE + _LINE <= plot and not bar:
        beside = {"orientation": "v", "x": 1.01, "xanchor": "left", "y": 1, "yref": "paper", "yanchor": "top"}
        made.update_layout(legend={**look, **beside})
        return 0
    place = {"orientation": "h", "x": 0, "xanchor": "left", "xref": "container", "yanchor": "bottom", "y": 0}
    columns = min(max(int((inner - 2 * _EDGE) // entry), 1), len(names))
    even = {"entrywidthmode": "fraction", "entrywidth": 0.999 / columns, "yref": "container", "title": {"text": ""}}
    made.update_layout(legend={**look, **place, **even})
    return _LINE * -(-len(names) // columns) + _EDGE
