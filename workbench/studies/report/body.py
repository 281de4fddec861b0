"""The parts of a report in HTML that the page and the printed form share; every text is escaped."""

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import pandas as pd

from workbench.studies.report.contents import Report, Section, digits, has_texts, link_heads, readable, under
from workbench.text.display.words import place

HEADS = "What does each analysis say about the heads named here?"
HOW_HEADS = (
    "Each row is a head, each column a section. Where a section has a number for each language, the largest is shown, "
    "with its language."
)
REPRODUCE = "Reproduce this run"


def header(report: Report, pages: Mapping[str, str]) -> str:
    """Question, answer, the model, corpus and seed of all sections, and links to other pages of the run."""
    about = "\n".join(f"<span><b>{escape(key)}</b> {escape(value)}</span>" for key, value in report.about.items())
    links = " · ".join(f'<a href="{escape(address(path))}">{escape(words)}</a>' for path, words in pages.items())
    parts = [f'<p class="question">{escape(report.question)}</p>', _answer(report, pages)]
    parts += [f'<p class="about">{about}</p>', f'<p class="beside">{links}</p>' if links else ""]
    return "\n".join(parts)


def _answer(report: Report, pages: Mapping[str, str]) -> str:
    """The answer: of several sections a list, each with its section's number."""
    parts = [(number, part.finding.answer) for number, part in enumerate(report.sections, start=1)]
    main = [(number, words) for number, words in parts if words and words in report.answer]
    if len(main) < 2 or " ".join(words for _, words in main) != report.answer:
        return f'<p class="finding answer">{_linked(report.answer, report, pages)}</p>'
    lines = [f'{_linked(words, report, pages)} (<a href="#section-{number}">{number}</a>)' for number, words in main]
    return f'<ul class="finding answer"><li>{"</li><li>".join(lines)}</li></ul>'


def contents(report: Report) -> str:
    """A line for each section: its question and the first sentence of its answer."""
    lines = [
        f'<li><a href="#section-{number}">{escape(part.title)}</a> <span>{escape(part.finding.answer)}</span></li>'
        for number, part in enumerate(report.sections, start=1)
    ]
    if report.named_heads:
        lines.append(f'<li><a href="#named-heads">{HEADS}</a></li>')
    if report.recipe:
        lines.append(f'<li><a href="#again">{REPRODUCE}</a></li>')
    return "\n".join(lines)


def sections(
    report: Report, draw: Callable[[int, Section], str], *, run: str = ".", pages: Mapping[str, str] | None = None
) -> str:
    """All sections, the table of the heads that they name, and how to reproduce the run.

    Args:
        report: What it says.
        draw: Makes the figure of a section, which has one, of its number and itself.
        run: Address of the run folder as seen from the page.
        pages: Addresses of other pages of the run, and what is on them.
    """
    numbers = range(1, len(report.sections) + 1)
    parts = [_section(number, report, draw, run, pages or {}) for number in numbers]
    return "\n".join([*parts, _named_heads(report, pages or {}), _reproduce(report)])


def _section(
    number: int, report: Report, draw: Callable[[int, Section], str], run: str, pages: Mapping[str, str]
) -> str:
    part = report.sections[number - 1]
    parts = [f'<section id="section-{number}" aria-labelledby="title-{number}">']
    parts.append(f'<h2 id="title-{number}">{number}. {escape(part.title)}</h2>')
    if part.finding.answer:
        parts.append(f'<p class="finding">{_linked(report.sentences(number), report, pages)}</p>')
    if part.figure is not None:
        line = f'<p class="under">{escape(note)}</p>' if (note := under(part)) else ""
        caption = f"<figcaption>{reading(part)}</figcaption>" if part.reading else ""
        parts.append(f"<figure>{line}{draw(number, part)}{caption}</figure>")
    elif part.reading:
        parts.append(f'<p class="reading">{reading(part)}</p>')
    if part.control:
        parts.append(f'<p class="control"><b>Control.</b> {escape(part.control)}</p>')
    if part.table is not None:
        parts.append(f'<div class="wide" tabindex="0" role="region" aria-label="Table: {escape(part.title)}">')
        parts.append(_linked_html(_table(readable(part.table)), report, pages) + "</div>")
    if others := same_heads(number, report):
        links = " · ".join(f'<a href="#section-{other}">{escape(words)}</a>' for other, words in others)
        parts.append(f'<p class="same">The same heads: {links}</p>')
    parts += [_provenance(part, run), "</section>"]
    return "\n".join(parts)


def _named_heads(report: Report, pages: Mapping[str, str]) -> str:
    """A table of the heads that the report names: what each section says of them, and where the explorer shows them."""
    if not report.named_heads:
        return ""
    columns = [(number, part) for number, part in enumerate(report.sections, start=1) if part.heads]
    titles = [f'<a href="#section-{number}">{number}. {escape(part.measure)}</a>' for number, part in columns]
    rows = []
    for layer, head in report.named_heads:
        cells = [escape(part.heads.get((layer, head), "–")) for _, part in columns]
        name = place(layer, head)
        if explorer := explored(pages, layer, head):
            name = f'<a href="{escape(explorer)}">{name}</a>'
        numbers = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr id="head-{layer}-{head}"><th>{name}</th>{numbers}</tr>')
    top = "".join(f"<th>{title}</th>" for title in ["", *titles])
    return (
        f'<section id="named-heads" aria-labelledby="title-heads"><h2 id="title-heads">{HEADS}</h2>'
        f'<p class="reading">{HOW_HEADS}</p>'
        '<div class="wide" tabindex="0" role="region" aria-label="Table: heads that are named here">'
        f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def explored(pages: Mapping[str, str], layer: int, head: int) -> str:
    """Where the explorer shows a head; empty where the run has none."""
    explorer = explorer_of(pages)
    return f"{explorer}#layer={layer}&head={head}&view=head" if explorer else ""


def explorer_of(pages: Mapping[str, str]) -> str:
    """Address of the explorer; empty where the run has none."""
    return next((address(path) for path in pages if path.endswith("explorer.html")), "")


def _reproduce(report: Report) -> str:
    """How to reproduce the run: the command, the call, the versions."""
    if report.recipe is None:
        return ""
    parts = [f'<section id="again" aria-labelledby="title-again"><h2 id="title-again">{REPRODUCE}</h2>']
    if report.recipe.shell:
        parts.append(f"<p>At the command line:</p><pre><code>{escape(report.recipe.shell)}</code></pre>")
    parts.append(f"<p>The same in Python:</p><pre><code>{escape(report.recipe.call)}</code></pre>")
    versions = ", ".join(f"{escape(name)} {escape(number)}" for name, number in report.versions.items())
    if versions:
        parts.append(f'<p class="reading">Computed with {versions}.</p>')
    return "\n".join([*parts, "</section>"])


def same_heads(number: int, report: Report) -> list[tuple[int, str]]:
    """Numbers and measures of the other sections that have a number for each head."""
    if not report.sections[number - 1].heads:
        return []
    return [
        (i, f"{i}. {part.measure}") for i, part in enumerate(report.sections, start=1) if part.heads and i != number
    ]


def source(part: Section) -> str:
    """A section's provenance in one line: method, model, corpus, seed, time, file."""
    parts = [str(part.provenance["method"])] if part.provenance.get("method") else []
    for key, name in (("model", "name"), ("corpus", "source")):
        about = part.provenance.get(key)
        if isinstance(about, Mapping) and about.get(name):
            mark = f" ({str(about['hash'])[:12]})" if about.get("hash") else ""
            parts.append(f"{key} {about[name]}{mark}")
    parts += [f"{key} {part.provenance[key]}" for key in ("seed", "time") if part.provenance.get(key) is not None]
    return " · ".join([*parts, *([part.file] if part.file else [])])


def reading(part: Section) -> str:
    """How to read a figure."""
    return f"<b>How to read it.</b> {escape(part.reading)}"


def _linked(text: str, report: Report, pages: Mapping[str, str]) -> str:
    """A text, escaped, in which every head is a link."""
    return _linked_html(escape(text), report, pages)


def _linked_html(text: str, report: Report, pages: Mapping[str, str]) -> str:
    """HTML in which every head that has a row links to the explorer; to its row where the run has no explorer."""

    def link(words: str, layer: int, head: int) -> str:
        return f'<a href="{escape(explored(pages, layer, head) or f"#head-{layer}-{head}")}">{words}</a>'

    return link_heads(text, report.named_heads, link)


def address(path: str) -> str:
    """A relative address: `./` keeps a name with a colon from being read as a scheme."""
    path = path.replace("%", "%25").replace("#", "%23").replace("?", "%3F")
    return path if path.startswith("./") or path.startswith("../") else f"./{path}"


def _table(table: pd.DataFrame) -> str:
    if table.index.nlevels == table.columns.nlevels == 1 and table.columns.name is None:
        table = table.rename_axis(index=None, columns=table.index.name)  # one heading row, not two
    texts = "texts" if has_texts(table) else None
    return str(table.to_html(border=0, classes=texts, escape=True, na_rep="–", float_format=digits))


def _provenance(part: Section, run: str) -> str:
    if not part.provenance and part.file is None:
        return ""
    rows = []
    if part.file is not None:
        link = escape(address(f"{run}/{part.file}"))
        rows.append(f'<dt>file</dt><dd><a href="{link}"><code>{escape(part.file)}</code></a></dd>')
    rows += [f"<dt>{escape(str(key))}</dt><dd>{_value(value)}</dd>" for key, value in part.provenance.items()]
    details = f"<details><summary>Provenance</summary><dl>{''.join(rows)}</dl></details>"
    return f'{details}<p class="source">{escape(source(part))}</p>'  # print has this line in place of the fold


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and value:
        rows = "".join(f"<dt>{escape(str(key))}</dt><dd>{_value(item)}</dd>" for key, item in value.items())
        return f"<dl>{rows}</dl>"
    if isinstance(value, str):
        return escape(value)
    return f"<code>{escape(json.dumps(value, ensure_ascii=False, default=str))}</code>"
