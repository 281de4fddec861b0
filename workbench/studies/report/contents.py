"""What a report says: a question and its answer, sections, and how to reproduce it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from workbench.figures.drawing.labels import short_name
from workbench.figures.question import model_before
from workbench.studies.findings.finding import Finding, Head
from workbench.studies.report.recipe import Recipe
from workbench.text.display.words import number, place

_TECHNICAL = {"batch_size", "level", "memory", "seed"}
_USUAL = ("all", "auto", "")  # values that say nothing
_SHORT = 40  # characters of a parameter that is shown
_SENTENCE = 40  # a longer cell of a table is a text
_HEADER = (("model", "name"), ("corpus", "source"), ("seed", None), ("time", None))


@dataclass(frozen=True)
class Section:
    """One question of a report and its answer.

    Attributes:
        title: The question.
        figure: What `workbench.figures` returned, or None.
        table: Numbers to print, or None.
        reading: How to read the figure or the table.
        finding: What the numbers say.
        provenance: `workbench.results.make.provenance(result)`.
        file: Name of the NetCDF file beside the report that holds the numbers.
        control: Which random or shuffled control was measured, or that none was.
        heads: What the numbers say of each head, in a few words, by (layer, head).
        measure: What those words say, such as `importance`.
    """

    title: str
    figure: go.Figure | None
    table: pd.DataFrame | None
    reading: str
    finding: Finding
    provenance: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    control: str = ""
    heads: Mapping[Head, str] = field(default_factory=dict)
    measure: str = ""


@dataclass(frozen=True)
class Report:
    """The content of a report, before it is formatted.

    Attributes:
        title: Of the page.
        question: What the study asks.
        answer: What its numbers answer, in a sentence or two.
        sections: In the order of reading.
        recipe: How to reproduce it, or None.
    """

    title: str
    question: str
    answer: str
    sections: Sequence[Section]
    recipe: Recipe | None = None

    def sentences(self, number: int) -> str:
        """What a section's numbers say; a remark of an earlier section, such as on few samples, is cut to its start."""
        finding = self.sections[number - 1].finding
        earlier = {detail for section in self.sections[: number - 1] for detail in section.finding.details}
        start = {detail: detail.partition(". ")[0].removesuffix(".") + "." for detail in earlier}
        return " ".join([finding.answer, *(start.get(detail, detail) for detail in finding.details)])

    @property
    def about(self) -> dict[str, str]:
        """What all sections were computed with: model, that before of two, corpus, seed; and when the last was."""
        about = {}
        for key, name in _HEADER:
            values = []
            for section in self.sections:
                value = section.provenance.get(key)
                value = short_name(value.get(name) or "") if name and isinstance(value, Mapping) else value
                if value not in (None, "") and value not in values:
                    values.append(value)
            if values:
                about[key] = ", ".join(map(str, values))
                if key == "time":
                    about[key] = max(map(str, values)).replace("T", " ").replace("+00:00", " UTC")
        before = {name: None for section in self.sections if (name := model_before(section.provenance))}
        return {"before": ", ".join(before), **about} if before else about

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries, where all sections agree."""
        first, *others = [section.provenance.get("versions") or {} for section in self.sections] or [{}]
        return {name: number for name, number in first.items() if all(of.get(name) == number for of in others)}

    @property
    def named_heads(self) -> list[Head]:
        """(layer, head) of the heads that a finding or a table names and a section has numbers of, layer by layer."""
        named = {head for section in self.sections for head in section.finding.heads}
        for section in self.sections:
            if section.table is not None and {"layer", "head"} <= set(section.table.columns):
                named |= set(zip(section.table["layer"], section.table["head"], strict=True))
        return sorted(head for head in named if any(head in section.heads for section in self.sections))


def link_heads(text: str, heads: Iterable[Head], link: Callable[[str, int, int], str]) -> str:
    """A text in which `link(words, layer, head)` replaces the words for each of these heads."""
    places = {place(layer, head): (layer, head) for layer, head in heads}
    if not places:
        return text
    words = re.compile(rf"\b({'|'.join(map(re.escape, places))})\b", re.IGNORECASE)
    return words.sub(lambda match: link(match[0], *places[match[0].lower()]), text)


def under(section: Section) -> str:
    """The line under a heading: the figure's own, which one without a title has in its `meta`, and the parameters."""
    layout: Any = section.figure.layout if section.figure is not None else None
    note = layout.meta.get("note") if layout is not None and isinstance(layout.meta, Mapping) else None
    return " · ".join(filter(None, (str(note or ""), parameters(section.provenance))))


def parameters(provenance: Mapping[str, Any]) -> str:
    """What a method was computed with, in words; no lists, and nothing that changes no number."""
    given = provenance.get("parameters")
    if not isinstance(given, Mapping):
        return ""
    words = [
        f"{str(name).replace('_', ' ')} {value}"
        for name, value in given.items()
        if name not in _TECHNICAL and type(value) in (str, int, float) and value not in _USUAL
    ]
    return " · ".join(word for word in words if len(word) <= _SHORT)


def digits(value: float) -> str:
    """A number of a table as sentences and the terminal have it: three significant figures, whole numbers whole."""
    return f"{value:,.0f}" if float(value).is_integer() else number(value)


def has_texts(table: pd.DataFrame) -> bool:
    """Whether cells are sentences, which are read from the left, rather than numbers."""
    return any(isinstance(cell, str) and len(cell) > _SENTENCE for cell in table.to_numpy().flat)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it is printed: a text in one line; layer and head in one column, called the same everywhere."""
    table = table.map(lambda cell: " ".join(cell.splitlines()) if isinstance(cell, str) else cell)
    if not {"layer", "head"} <= set(table.columns):
        return table
    words = [place(layer, head) for layer, head in zip(table["layer"], table["head"], strict=True)]
    return table.assign(head=words).drop(columns="layer")
