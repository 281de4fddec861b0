"""What a report says: a question and its answer, sections, and how to do it again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from workbench.studies.report.recipe import Recipe

_HEADER = (("model", "name"), ("corpus", "source"), ("seed", None), ("time", None))


@dataclass(frozen=True)
class Section:
    """One question of a report and its answer.

    Attributes:
        title: The question.
        figure: What `workbench.figures` returned, or None.
        table: Numbers to print, or None.
        reading: How to read the figure or the table.
        finding: Sentences computed from the numbers; the first of them is the answer.
        provenance: Where the numbers come from: `workbench.results.make.provenance(result)`.
        file: Name of the NetCDF file beside the report that holds the numbers.
        control: Which random or shuffled control stands beside the numbers, or that none does.
        heads: What the numbers say of each head, in a few words, by (layer, head).
        measure: What those words say, such as `importance`.
    """

    title: str
    figure: go.Figure | None
    table: pd.DataFrame | None
    reading: str
    finding: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None
    control: str = ""
    heads: Mapping[tuple[int, int], str] = field(default_factory=dict)
    measure: str = ""

    @property
    def answer(self) -> str:
        """The first sentence of the finding."""
        return re.split(r"(?<=[.!?]) (?=[A-Z0-9])", self.finding, maxsplit=1)[0]


@dataclass(frozen=True)
class Report:
    """All that a report says, in no form yet.

    Attributes:
        title: Of the page.
        question: What the study asks.
        answer: What its numbers answer, in a sentence or two.
        sections: In the order of reading.
        recipe: How to do it again, or None.
    """

    title: str
    question: str
    answer: str
    sections: Sequence[Section]
    recipe: Recipe | None = None

    @property
    def about(self) -> dict[str, str]:
        """What all sections were computed with: model, corpus, seed; and when the last was."""
        about = {}
        for key, name in _HEADER:
            found = []
            for section in self.sections:
                value = section.provenance.get(key)
                value = value.get(name) if name and isinstance(value, Mapping) else value
                if value is not None and value not in found:
                    found.append(value)
            if found:
                about[key] = ", ".join(map(str, found))
                if key == "time":
                    about[key] = max(map(str, found)).replace("T", " ").replace("+00:00", " UTC")
        return about

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries, where all sections agree."""
        found = [section.provenance.get("versions") or {} for section in self.sections]
        return {name: found[0][name] for name in found[0] if all(one.get(name) == found[0][name] for one in found)}

    @property
    def named_heads(self) -> list[tuple[int, int]]:
        """(layer, head) of the heads that a finding or a table names and a section has numbers of, layer by layer."""
        text = "\n".join(section.finding for section in self.sections)
        named = {(int(layer), int(head)) for head, layer in HEAD.findall(text)}
        for section in self.sections:
            if section.table is not None and {"layer", "head"} <= set(section.table.columns):
                named |= set(zip(section.table["layer"], section.table["head"], strict=True))
        return sorted(place for place in named if any(place in section.heads for section in self.sections))


HEAD = re.compile(r"\b[Hh]ead (\d{1,9}) of layer (\d{1,9})\b")


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it is printed: layer and head in one column, so that a head is called the same everywhere."""
    if not {"layer", "head"} <= set(table.columns):
        return table
    words = [f"head {head} of layer {layer}" for layer, head in zip(table["layer"], table["head"], strict=True)]
    return table.assign(head=words).drop(columns="layer")
