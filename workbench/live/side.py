"""A side: one text box, the language whose sentences it offers, and what the model read in it."""

from html import escape
from typing import Any

import ipywidgets
import traitlets

from workbench.errors import WorkbenchError
from workbench.figures.drawing.labels import value_label
from workbench.live.reading import Reader, Reading
from workbench.text.corpus import Corpus

_PARTED = 0.3  # share of tokens without a whole character from which a note explains them


class Side(ipywidgets.VBox):
    """A text and its reading.

    A text that was typed stays when the language changes; a sentence of the corpus becomes that of the new language.

    Attributes:
        language: the menu of languages.
        text: the box.
        note: a line under it: what is wrong with the text, or worth knowing.
        reading: of the last text that could be read.
    """

    reading: Any = traitlets.Instance(Reading, allow_none=True)

    def __init__(self, reader: Reader, corpus: Corpus, language: str, *, name: str):
        self._reader, self._corpus, self._row = reader, corpus, 0
        self.language: Any = ipywidgets.Dropdown(
            options=[(value_label("language", code), code) for code in corpus.languages],
            value=language,
            description=name,
            layout={"width": "auto"},
        )
        self.text = ipywidgets.Text(
            continuous_update=False,
            placeholder="type a sentence, then press Enter",
            description="Text",
            layout={"width": "auto"},
        )
        self.note = ipywidgets.HTML()
        super().__init__([self.language, self.text, self.note], layout={"flex": "1 1 320px"})
        self.text.observe(self._read, "value")
        self.language.observe(self._translate, "value")
        self.show_row(0)

    @property
    def title(self) -> str:
        """What the pattern of this side is of."""
        typed = self.reading is None or self.reading.text != self._corpus.texts[self.language.value][self._row]
        return "typed text" if typed else value_label("language", self.language.value)

    def show_row(self, row: int) -> None:
        """Put a sentence of the corpus into the box."""
        self._row = row
        self.text.value = self._corpus.texts[self.language.value][row]

    def _translate(self, change: dict) -> None:
        if self.text.value == self._corpus.texts[change["old"]][self._row]:
            self.show_row(self._row)

    def _read(self, change: dict) -> None:
        try:
            reading = self._reader(change["new"])
        except WorkbenchError as error:
            self._show_note(f"{error}. The previous text is still shown.", "alert")
            return
        parted = sum(not token for token in reading.tokens)
        if parted > _PARTED * len(reading.tokens):
            words = f"{len(reading.tokens)} tokens: this tokenizer knows few pieces of this script"
            self._show_note(f"{words}; ⋯ is a part of a letter.", "note")
        else:
            self.note.value = ""
        self.reading = reading

    def _show_note(self, words: str, role: str) -> None:
        self.note.value = f'<span role="{role}">{escape(words)}</span>'
