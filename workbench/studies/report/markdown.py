"""The report as markdown for a code host: pictures, tables, links inside the file."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from workbench.studies.report.body import HEADS, HOW_HEADS, REPRODUCE, address, explored, same_heads
from workbench.studies.report.contents import Report, Section, digits, has_texts, link_heads, readable, under
from workbench.text.display.words import place


def markdown(
    report: Report, pictures: Sequence[str], *, run: str = ".", beside: Mapping[str, str] | None = None
) -> str:
    """The markdown as text.

    Args:
        report: What it says.
        pictures: Address of each section's picture; empty where it has none.
        run: Address of the run folder as seen from the file.
        beside: Addresses of other pages of the run, and what is on them.
    """
    parts = [f"# {_plain(report.title)}", f"**{_plain(report.question)}**", f"> {_linked(report.answer, report)}"]
    parts.append(" · ".join(f"**{key}** {_plain(value)}" for key, value in report.about.items()))
    parts.append(" · ".join(f"[{_plain(words)}]({_target(path)})" for path, words in (beside or {}).items()))
    parts += ["## Contents", _contents(report)]
    for number, (section, picture) in enumerate(zip(report.sections, pictures, strict=True), start=1):
        parts += _section(number, section, picture, report, run)
    parts += [*_named_heads(report, beside or {}), *_reproduce(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _contents(report: Report) -> str:
    lines = [
        f"{number}. [{_plain(section.title)}](#section-{number})  \n   {_plain(section.finding.answer)}"
        for number, section in enumerate(report.sections, start=1)
    ]
    return "\n".join(lines)


def _section(number: int, section: Section, picture: str, report: Report, run: str) -> list[str]:
    parts = [f'<a id="section-{number}"></a>', f"## {number}. {_plain(section.title)}"]
    parts.append(_linked(report.sentences(number), report))
    if picture:
        line = under(section)
        parts += [f"<sub>{_plain(line)}</sub>" if line else "", f"![{_plain(section.title)}]({_target(picture)})"]
    parts.append(f"*How to read it.* {_plain(section.reading)}" if section.reading else "")
    parts.append(f"*Control.* {_plain(section.control)}" if section.control else "")
    if section.table is not None:
        parts.append(_linked_text(_table(readable(section.table)), report))
    if others := same_heads(number, report):
        parts.append("The same heads: " + " · ".join(f"[{_plain(words)}](#section-{i})" for i, words in others))
    return [*parts, _provenance(section, run)]


def _table(table: pd.DataFrame) -> str:
    flat = table.reset_index() if table.index.name or table.index.nlevels > 1 else table.rename_axis("").reset_index()
    rows = [
        list(flat.columns),
        ["---"] + ["---" if has_texts(table) else "---:"] * (flat.shape[1] - 1),
        *flat.values.tolist(),
    ]
    first, rule, *rest = ([_cell(value) for value in row] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in (first, [cell.replace("\\", "") for cell in rule], *rest))


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return _plain(" ".join(map(str, value)))
    if value is None or value != value:  # NaN
        return "–"
    return _plain(digits(value) if isinstance(value, float) else str(value))


def _named_heads(report: Report, pages: Mapping[str, str]) -> list[str]:
    if not report.named_heads:
        return []
    columns = [(number, part) for number, part in enumerate(report.sections, start=1) if part.heads]
    titles = [f"[{number}. {_plain(part.measure)}](#section-{number})" for number, part in columns]
    rows = [["", *titles], ["---"] * (len(titles) + 1)]
    for layer, head in report.named_heads:
        cells = [_plain(part.heads.get((layer, head), "–")) for _, part in columns]
        name = f'<a id="head-{layer}-{head}"></a>{place(layer, head)}'
        rows.append([name, *cells])
        if explorer := explored(pages, layer, head):
            rows[-1].append(f"[explore]({explorer})")
    if len(rows[-1]) > len(rows[0]):  # a column for the explorer
        rows[0], rows[1] = [*rows[0], ""], [*rows[1], "---"]
    return ['<a id="named-heads"></a>', f"## {HEADS}", HOW_HEADS, "\n".join(f"| {' | '.join(row)} |" for row in rows)]


def _reproduce(report: Report) -> list[str]:
    if report.recipe is None:
        return []
    parts = ['<a id="again"></a>', f"## {REPRODUCE}"]
    if report.recipe.shell:
        parts.append(_fenced(report.recipe.shell, "sh"))
    parts.append(f"The same in Python:\n\n{_fenced(report.recipe.call, 'python')}")
    versions = ", ".join(f"{_plain(name)} {_plain(number)}" for name, number in report.versions.items())
    return [*parts, f"Computed with {versions}." if versions else ""]


def _fenced(code: str, kind: str) -> str:
    """Code between fences longer than any run of backticks in it, so that nothing in it ends them."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{fence}{kind}\n{code}\n{fence}"


def _provenance(section: Section, run: str) -> str:
    if not section.provenance and section.file is None:
        return ""
    rows = [f"- file: [{_plain(section.file)}]({_target(f'{run}/{section.file}')})"] if section.file else []
    for key, value in section.provenance.items():
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        rows.append(f"- {_plain(str(key))}: {_plain(words)}")
    listed = "\n".join(rows)
    return f"<details><summary>Provenance</summary>\n\n{listed}\n\n</details>"


def _linked(text: str, report: Report) -> str:
    return _linked_text(_plain(text), report)


def _linked_text(text: str, report: Report) -> str:
    """Markdown in which every head that has a row links to it."""
    return link_heads(text, report.named_heads, lambda words, layer, head: f"[{words}](#head-{layer}-{head})")


def _target(path: str) -> str:
    """A relative address in which no letter ends the link."""
    return (
        address(path)
        .replace(" ", "%20")
        .replace("(", "%28")
        .replace(")", "%29")
        .replace("<", "%3C")
        .replace(">", "%3E")
    )


def _plain(text: str) -> str:
    """Text in which markdown and HTML see no marks, on one line."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", " ".join(safe.split()))
