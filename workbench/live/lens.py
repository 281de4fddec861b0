"""The lens on a live model: type a text, see what every layer would predict after each of its tokens."""

import warnings
from html import escape
from typing import Any

import ipywidgets
import plotly.graph_objects as go
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, TooLarge, WorkbenchError, WorkbenchWarning
from workbench.figures.explorer.sentences import likeliest
from workbench.figures.lens_grid import legend_above, lens_grid
from workbench.lens.sentence import logit_lens
from workbench.live.chooser import Chooser
from workbench.live.delay import Delay
from workbench.live.panel import Panel
from workbench.live.reading import MOST_TOKENS
from workbench.model.model import Model
from workbench.text.characters import tokenizable

_TEXT = "Der Hund schläft im Garten."
_TOP = 3  # candidates in the hover texts
_COLOURS = {
    "probability of the token": "probability",
    "entropy of the layer": "entropy",
    "rank of the target": "rank",
    "language or script of the token": "language",
}


@checked
def lens(model: Model, text: str = _TEXT, *, tuned: xr.Dataset | None = None, target: str | None = None) -> "Lens":
    """Read a text that is typed in a notebook at every layer: the likeliest next token after each of its tokens.

    The model runs when typing pauses, once for all that was typed meanwhile. It works in JupyterLab and in other
    notebooks with widgets and a running kernel; elsewhere `figures.lens_grid(lens.logit_lens(model, text))` draws the
    same grid.

    Args:
        model: the model.
        text: to start with, in any language.
        tuned: what `lens.tune` returned, to begin with it and have a menu of both; the logit lens alone when None.
        target: a word to follow through the layers; the token that really comes next when None.

    Returns:
        The widget; the last line of a cell shows it.

    Raises:
        BadArgument: no Model, no text, a target that is no word, or a tuned lens of another model.
        BadCorpus: the text has a single token.
        BadResult: `tuned` is no result of `lens.tune`.
        TooLarge: the text has more tokens than can be drawn.

    Example:
        >>> wb.live.lens(model, "Le chat mange.")                                                # doctest: +SKIP
    """
    if target is not None and not target.strip():
        raise BadArgument(f"target={target!r} has no token that is more than a space; give a word, or None")
    return Lens(model, text, tuned=tuned, target=target or "")


class Lens(ipywidgets.VBox):
    """The widget that `lens` returns.

    Attributes:
        text: the box of the text.
        target: the box of the word that is followed.
        colour: the menu of what colours the cells.
        lens: the menu of the logit lens and the tuned lens.
        grid: the tokens that the layers predict.
        note: a line under the boxes: what is wrong with the text, or worth knowing.
        page: a sentence about the output, also for screen readers; it knows the page's theme.
        result: what `lens.logit_lens` returned for the text that is drawn.
    """

    def __init__(self, model: Model, text: str, *, tuned: xr.Dataset | None = None, target: str = ""):
        self._model = model
        self._lenses: dict[str, xr.Dataset | None] = {"logit lens": None}
        if tuned is not None:
            self._lenses["tuned lens"] = tuned
        self.text = _box("Text", text, "type a text in any language", flex="1 1 420px")
        self.target = _box("Target", target, "a word; empty: what really follows", flex="0 1 300px")
        self.colour: Any = _menu("Colour", _COLOURS)
        self.lens: Any = _menu("Lens", list(self._lenses))
        self.lens.value = list(self._lenses)[-1]
        self.lens.layout.display = None if tuned is not None else "none"
        self.note = ipywidgets.HTML()
        self.page = Chooser(layers=0, figures=1)
        self.result, drawn = self._compute()
        self._read_last = self._wanted
        self.grid = Panel(drawn, own_width=True)
        row: Any = {"flex_flow": "row wrap", "width": "100%"}
        boxes = [ipywidgets.HBox(part, layout=row) for part in ([self.text, self.target], [self.colour, self.lens])]
        super().__init__([*boxes, self.note, self.page, self.grid])
        self.add_class("wb-live")
        self._describe()
        later = Delay(self.read)
        for box in (self.text, self.target):
            box.observe(lambda _: later(), "value")
        self.lens.observe(lambda _: self.read(), "value")
        self.colour.observe(lambda _: self.grid.draw(self._figure(self.result)), "value")
        self.page.observe(lambda _: self.grid.fit(width=self.page.width, dark=self.page.dark), ["dark", "width"])

    def __repr__(self) -> str:
        return (
            "The live lens; it runs the model, so it needs a notebook with a kernel: open it in JupyterLab. Elsewhere: "
            "wb.figures.lens_grid(wb.lens.logit_lens(model, text))"
        )

    def read(self) -> None:
        """Read the text in the box now; what cannot be read is answered in the note, and the grid stays."""
        if self._wanted == self._read_last:
            self.note.value = ""
            self._describe()
            return
        self.page.status = "The model reads the text …"
        try:
            self.result, drawn = self._compute()
        except WorkbenchError as error:
            self._refuse(str(error))
        except Exception as error:  # in a callback of the event loop its traceback would be seen nowhere
            self._refuse(f"{type(error).__name__}: {error}")
        else:
            self._read_last = self._wanted
            self.grid.draw(drawn)
        self._describe()

    @property
    def _wanted(self) -> tuple[str, str, str]:
        return self.text.value, self.target.value, self.lens.value

    def _compute(self) -> tuple[xr.Dataset, go.Figure]:
        """The lens on the text in the box, and its grid.

        Raises:
            BadArgument: no text, a target that is no word, or a tuned lens of another model.
            BadCorpus: the text has a single token.
            BadResult: the tuned lens is none.
            TooLarge: too many tokens.
        """
        text, most = tokenizable(self.text.value), min(MOST_TOKENS, self._model.n_context)
        if not text.strip():
            raise BadArgument("Type a text to read")
        count = len(self._model.tokenizer(text, verbose=False)["input_ids"])
        if count > most:
            raise TooLarge(f"This text has {count} tokens; up to {most} can be shown, so make it shorter")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", WorkbenchWarning)
            result = logit_lens(
                self._model,
                text,
                tuned=self._lenses[self.lens.value],
                target=tokenizable(self.target.value).strip() or None,
                top=min(_TOP, self._model.n_vocabulary),
                progress=False,
            )
        self._show_note(" ".join(str(each.message) for each in caught if each.category is WorkbenchWarning), "note")
        return result, self._figure(result)

    def _figure(self, result: xr.Dataset) -> go.Figure:
        return legend_above(lens_grid(result, colour=self.colour.value))

    def _describe(self) -> None:
        """What is drawn and what the model's own output is, in a sentence."""
        cells = self.result.isel(prompt=0)
        read = f"{cells.sizes['position']} tokens, {self.result.attrs['lens']} lens"
        self.page.status = f"{read}. After the last one {likeliest(cells.isel(layer=-1, position=-1))}"

    def _refuse(self, words: str) -> None:
        self._show_note(f"{words.rstrip('.')}. The previous text is still shown.", "alert")

    def _show_note(self, words: str, role: str) -> None:
        self.note.value = f'<span role="{role}">{escape(words)}</span>' if words else ""


def _box(name: str, text: str, hint: str, **layout: str) -> Any:
    return ipywidgets.Text(value=text, description=name, placeholder=hint, layout=layout)


def _menu(name: str, options: Any) -> Any:
    return ipywidgets.Dropdown(options=options, description=name, layout={"width": "330px"})
