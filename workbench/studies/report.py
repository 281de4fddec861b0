"""One self-contained page of a run: figures, how to read them, what they show, where the numbers come from.

The page asks the network for nothing: plotly.js stands in it once, and its content security policy forbids the rest.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from string import Template
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from workbench.errors import BadArgument
from workbench.figures import style
from workbench.results.files import write_whole

_HERE = Path(__file__).parent
_HEADER = (("model", "name"), ("corpus", "source"), ("seed", None), ("time", None))
_TITLE = 34  # pixels that a figure's title takes
_LINE = 14  # and the line under it


@dataclass(frozen=True)
class Section:
    """One question of a report and its answer.

    Attributes:
        title: The question.
        figure: What `workbench.figures` returned, or None.
        table: Numbers to print, or None.
        reading: How to read the figure or the table.
        finding: A sentence computed from the numbers.
        provenance: Where the numbers come from: `workbench.results.make.provenance(result)`.
        file: Name of the NetCDF file beside the report that holds the numbers.
    """

    title: str
    figure: go.Figure | None
    table: pd.DataFrame | None
    reading: str
    finding: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None


def write_report(folder: str | Path, *, title: str, sections: Sequence[Section]) -> Path:
    """Write `report.html` into a folder, whole or not at all.

    Args:
        folder: The run folder.
        title: Of the page.
        sections: In the order of reading; every text in them is escaped.

    Returns:
        The path of the page.

    Raises:
        BadArgument: No sections.
        CannotWrite: The folder is read-only or the disk is full.
    """
    if not sections:
        raise BadArgument(f"a report needs at least one section, got none for {title!r}")
    return write_whole(Path(folder) / "report.html", page(title, sections))


def page(title: str, sections: Sequence[Section]) -> str:
    """The page of `write_report` as text."""
    contents = "\n".join(
        f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    )
    themes = {"light": style.LIGHT.to_plotly_json(), "dark": style.DARK.to_plotly_json()}
    return Template((_HERE / "report.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        script=(_HERE / "report.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
        themes=_inside_script(json.dumps(themes)),
        header=_header(sections),
        contents=contents,
        sections="\n".join(_section(number, section) for number, section in enumerate(sections, start=1)),
    )


def _section(number: int, section: Section) -> str:
    parts = [f'<section id="section-{number}" aria-labelledby="title-{number}">']
    parts.append(f'<h2 id="title-{number}">{escape(section.title)}</h2>')
    if section.finding:
        parts.append(f'<p class="finding">{escape(section.finding)}</p>')
    if section.figure is not None:
        parts.append(_figure(number, section))
    elif section.reading:
        parts.append(f'<p class="reading">{_reading(section)}</p>')
    if section.table is not None:
        parts.append(f'<div class="wide" tabindex="0" role="region" aria-label="Table: {escape(section.title)}">')
        parts.append(_table(section.table) + "</div>")
    parts += [_provenance(section), "</section>"]
    return "\n".join(parts)


def _reading(section: Section) -> str:
    return f"<b>How to read it.</b> {escape(section.reading)}"


def _figure(number: int, section: Section) -> str:
    """A scrolling frame with the figure's least width and its height, and its data for the script at the end."""
    figure, line = _under_heading(go.Figure(section.figure), section.title)
    layout: Any = figure.layout
    width = (layout.meta or {}).get("least_width", 560) if isinstance(layout.meta, Mapping | None) else 560
    data = _inside_script(str(plotly.io.to_json(figure, validate=False)))
    name = escape(f"{section.title} {section.reading}")
    under = f'<p class="under">{escape(line)}</p>' if line else ""
    caption = f"<figcaption>{_reading(section)}</figcaption>" if section.reading else ""
    return (
        f'<figure>{under}<div class="wide" tabindex="0" role="region" aria-label="Figure: {escape(section.title)}">'
        f'<div class="plot" id="figure-{number}" role="img" aria-label="{name}" '
        f'style="min-width:{int(width)}px;height:{int(layout.height or 450)}px"></div></div>{caption}</figure>'
        f'<script type="application/json" data-figure="figure-{number}">{data}</script>'
    )


def _under_heading(figure: go.Figure, heading: str) -> tuple[go.Figure, str]:
    """Where the section's heading says what the figure's title says: the figure without it, and the line under it."""
    layout: Any = figure.layout
    title = layout.title
    if title.text != heading or layout.height is None or layout.margin.t is None:
        return figure, ""
    line = title.subtitle.text if title.subtitle and title.subtitle.text else ""
    saved = _TITLE + _LINE * bool(line)
    figure.update_layout(
        title={"text": "", "subtitle": {"text": ""}},
        margin={"t": layout.margin.t - saved},
        height=layout.height - saved,
    )
    return figure, unescape(line.replace("<br>", " · "))


def _table(table: pd.DataFrame) -> str:
    if table.index.nlevels == table.columns.nlevels == 1 and table.columns.name is None:
        table = table.rename_axis(index=None, columns=table.index.name)  # one heading row, not two
    return str(table.to_html(border=0, escape=True, na_rep="–", float_format=lambda value: f"{value:.4g}"))


def _provenance(section: Section) -> str:
    if not section.provenance and section.file is None:
        return ""
    rows = []
    if section.file is not None:
        name = escape(section.file)
        rows.append(f'<dt>file</dt><dd><a href="{escape(_address(section.file))}"><code>{name}</code></a></dd>')
    rows += [f"<dt>{escape(str(key))}</dt><dd>{_value(value)}</dd>" for key, value in section.provenance.items()]
    return f"<details><summary>Where these numbers come from</summary><dl>{''.join(rows)}</dl></details>"


def _address(file: str) -> str:
    """A relative address: `./` keeps a name with a colon from being read as a scheme."""
    return "./" + file.replace("%", "%25").replace("#", "%23").replace("?", "%3F")


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{_value(item)}</dd>" for key, item in value.items())
        return f"<dl>{rows}</dl>"
    if isinstance(value, str):
        return escape(value)
    return f"<code>{escape(json.dumps(value, ensure_ascii=False, default=str))}</code>"


def _header(sections: Sequence[Section]) -> str:
    """What all sections were computed with: model, corpus, seed; and when the last was."""
    parts = []
    for key, name in _HEADER:
        found = []
        for section in sections:
            value = section.provenance.get(key)
            value = value.get(name) if name and isinstance(value, Mapping) else value
            if value is not None and value not in found:
                found.append(value)
        if found:
            words = ", ".join(map(str, found))
            if key == "time":
                words = max(map(str, found)).replace("T", " ").replace("+00:00", " UTC")
            parts.append(f"<span><b>{key}</b> {escape(words)}</span>")
    return "\n".join(parts)


def _inside_script(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c")
