"""The explorer on a live model: type a sentence, see what every head attends to in it."""

from typing import Any

import ipywidgets
import plotly.graph_objects as go
import traitlets
import xarray as xr

from workbench.arguments import checked
from workbench.figures.explorer.contents import ExplorerData, Measure
from workbench.heads.attention.kinds import KINDS
from workbench.live import figures
from workbench.live.chooser import Chooser
from workbench.live.lens import Lens
from workbench.live.panel import Panel
from workbench.live.reading import MEASURES, Reader
from workbench.live.results import check, main_measures
from workbench.live.side import Side
from workbench.live.words import describe
from workbench.model.model import Model
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus

_OFFERED = 24  # sentences in the menu


@checked
def explorer(model: Model, *results: xr.Dataset, sentences: Any = "parallel") -> "Explorer":
    """Look at every head of a model on sentences that are typed in a notebook.

    A click on a head, or the arrow keys, choose it; its attention on two texts is drawn side by side. Each text runs
    through the model once. It works in JupyterLab and in other notebooks with widgets and a running kernel.

    Args:
        model: the model.
        *results: of the same model, in any order: whatever has a number for each [language, layer, head], such as
            `heads.importance`, `heads.ablate` and `heads.kinds`; `heads.roles`; `neurons.ternary`; with one of
            `lens.logit_lens` the logit lens follows the left text. None are needed.
        sentences: what `load_corpus` takes, a Corpus too: sentences to start with, by language.

    Returns:
        The widget; the last line of a cell shows it.

    Raises:
        UnsupportedSite: the architecture has no attention pattern that can be read.
        BadArgument: no Model, or a result that has nothing to show here.
        BadResult: a result of another model.
        TooLarge: none of the sentences is short enough to be drawn.

    Example:
        >>> wb.live.explorer(model, wb.heads.importance(model, corpus))                          # doctest: +SKIP
    """
    model.require("pattern")
    reader = Reader(model)
    return Explorer(reader, check(model, results), reader.short(load_corpus(sentences, limit=_OFFERED)))


class Explorer(ipywidgets.VBox):
    """The widget that `explorer` returns.

    Attributes:
        measure: the menu of what colours the heads.
        layer: the menu of layers.
        head: the menu of heads.
        chooser: the chosen head under the arrow keys, with the sentences about it.
        sentence: the menu of sentences.
        sides: the two texts.
        patterns: the chosen head's attention on the two texts.
        numbers: the chosen head's numbers by language; None without such results.
        classes: the chosen layer's neurons; None without such a result.
        lens: what every layer would predict in the left text; None without a lens among the results.
    """

    def __init__(self, reader: Reader, data: ExplorerData, corpus: Corpus):
        self._data, self._main = data, main_measures(data)
        self._shades: dict[str, Measure | str] = {measure.label: measure for measure in data.measures}
        self._shades |= {f"The two texts: {KINDS[name]}": name for name in MEASURES}
        self._grids: dict[tuple, Panel] = {}
        model, (first, *others) = reader.model, corpus.languages
        self.sides = (
            Side(reader, corpus, first, name="Left"),
            Side(reader, corpus, (others or [first])[0], name="Right"),
        )
        self.chooser = Chooser(layers=model.n_layers, heads=model.n_heads)
        self.measure = _menu("Colour", list(self._shades), flex="1 1 320px")
        self.layer = _menu("Layer", range(model.n_layers), width="160px")
        self.head = _menu("Head", range(model.n_heads), width="160px")
        self.sentence = _menu("Sentence", _sentences(corpus), width="auto")
        self.patterns = Panel(self._patterns())
        self.numbers = Panel(self._numbers()) if self._main else None
        self.classes = None if data.classes is None else Panel(self._classes())
        self.lens = None if data.lens is None else Lens(model, self.sides[0].reading.text)
        self._grid_box = ipywidgets.VBox()
        self._draw_grid()
        self._describe()
        row: Any = {"flex_flow": "row wrap", "width": "100%"}
        parts = [
            ipywidgets.HBox([self.measure, self.layer, self.head], layout=row),
            self.chooser,
            self._grid_box,
            self.sentence,
            ipywidgets.HBox(self.sides, layout=row),
            self.patterns,
            self.numbers,
            self.classes,
            self.lens,
        ]
        super().__init__([part for part in parts if part is not None])
        self.chooser.figures = 1 + sum(isinstance(part, Panel) for part in parts)
        self.add_class("wb-live")
        self._watch()

    def __repr__(self) -> str:
        return "The live explorer; it runs the model, so it needs a notebook with a kernel: open it in JupyterLab."

    @property
    def grid(self) -> Panel:
        """The heads, coloured by the chosen measure, a panel a language or a text."""
        return self._grid_box.children[0]

    def _watch(self) -> None:
        """Connect changes with what they redraw; the menus of layer and head follow the arrow keys, and vice versa."""
        for name in ("layer", "head"):
            traitlets.link((self.chooser, name), (getattr(self, name), "value"))
        self.chooser.observe(lambda _: self._head_changed(), ["layer", "head"])
        self.chooser.observe(lambda _: self._fit(), ["dark", "width"])
        self.measure.observe(lambda _: self._draw_grid(), "value")
        self.sentence.observe(lambda change: [side.show_row(change["new"]) for side in self.sides], "value")
        for side in self.sides:
            side.observe(lambda _: self._text_changed(), "reading")
            side.language.observe(lambda _: self._language_changed(), "value")

    def _head_changed(self) -> None:
        self._draw_grid()
        self.patterns.draw(self._patterns())
        if self.numbers is not None:
            self.numbers.draw(self._numbers())
        if self.classes is not None:
            self.classes.draw(self._classes())
        self._describe()

    def _text_changed(self) -> None:
        if isinstance(self._shades[self.measure.value], str):
            self._draw_grid()
        self.patterns.draw(self._patterns())
        if self.lens is not None:
            self.lens.text.value = self.sides[0].reading.text
        self._describe()

    def _language_changed(self) -> None:
        self.patterns.draw(self._patterns())  # a panel's name
        if self.numbers is not None:
            self.numbers.draw(self._numbers())
        self._describe()

    def _patterns(self) -> go.Figure:
        return figures.patterns(self.sides, layer=self.chooser.layer, head=self.chooser.head)

    def _numbers(self) -> go.Figure:
        place = {"layer": self.chooser.layer, "head": self.chooser.head}
        return figures.numbers(self._main, **place, language=self.sides[0].language.value)

    def _classes(self) -> go.Figure:
        assert self._data.classes is not None
        return figures.classes(self._data.classes, layer=self.chooser.layer)

    def _draw_grid(self) -> None:
        """Colour the heads and frame the chosen one; there is one figure for each set of panels."""
        shade = self._shades[self.measure.value]
        figure: Any = figures.heads(shade, self.sides, layer=self.chooser.layer, head=self.chooser.head)
        panels = tuple(trace.meta["language"] for trace in figure.data)
        if panels in self._grids:
            self._grids[panels].draw(figure)
        else:
            self._grids[panels] = Panel(figure, clicked=self._clicked)
            self._fit()
        self._grid_box.children = (self._grids[panels],)

    def _clicked(self, trace: Any, points: Any, state: Any) -> None:
        """Choose the head that was clicked, and the language of its panel."""
        if not points.xs:
            return
        language = trace.meta["language"]
        if language in (code for _, code in self.sides[0].language.options):
            self.sides[0].language.value = language
        with self.chooser.hold_trait_notifications():
            self.chooser.layer, self.chooser.head = int(points.ys[0]), int(points.xs[0])

    def _fit(self) -> None:
        for panel in (*self._grids.values(), self.patterns, self.numbers, self.classes):
            if panel is not None:
                panel.fit(width=self.chooser.width, dark=self.chooser.dark)

    def _describe(self) -> None:
        readings = {name: side.reading for name, side in zip(figures.TEXTS, self.sides, strict=True)}
        place = {"layer": self.chooser.layer, "head": self.chooser.head}
        self.chooser.status = describe(self._data, self._main, readings, **place, language=self.sides[0].language.value)


def _menu(name: str, options: Any, **layout: str) -> Any:
    return ipywidgets.Dropdown(options=options, description=name, layout=layout)


def _sentences(corpus: Corpus) -> list[tuple[str, int]]:
    """Rows of the corpus by number, in English where there is some."""
    texts = corpus.texts.get("en", corpus.texts[corpus.languages[0]])
    return [(f"{row} · {texts[row]}", row) for row in range(len(texts))]
