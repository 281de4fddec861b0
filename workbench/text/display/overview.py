"""Overview of an object: parts with a heading, a table and notes, as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.text.display.safe import columns_wide, html_line, plain_line


@dataclass(frozen=True)
class Part:
    """One part of an overview.

    Attributes:
        heading: line above the table.
        columns: headers of its table; if all are empty, the table has no header.
        rows: cells of its table, [row][column].
        notes: lines below the table.
        widest: most characters of a cell in a terminal.
    """

    heading: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    notes: tuple[str, ...] = ()
    widest: int = 60


def as_text(parts: Sequence[Part]) -> str:
    """The parts as text for a terminal, separated by blank lines."""
    return "\n\n".join("\n".join(_lines(part)) for part in parts)


def as_html(parts: Sequence[Part]) -> str:
    """The parts as HTML for a notebook; content is escaped and isolated in its writing direction."""
    return f"<div>{''.join(map(_html, parts))}</div>"


def _lines(part: Part) -> list[str]:
    heading = plain_line(part.heading, most=200)
    headers = [part.columns] if any(part.columns) else []
    cells = [[plain_line(cell, most=part.widest) for cell in row] for row in [*headers, *part.rows]]
    widths = [max(map(columns_wide, column)) for column in zip(*cells, strict=True)]
    table = [
        "  " + "  ".join(cell + " " * (width - columns_wide(cell)) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]
    return [heading, *(line.rstrip() for line in table), *(f"  {plain_line(note, most=300)}" for note in part.notes)]


def _html(part: Part) -> str:
    style = ' style="text-align:left"'
    header = "".join(f"<th{style}>{html_line(name)}</th>" for name in part.columns) if any(part.columns) else ""
    rows = "".join(
        "<tr>" + "".join(f"<td{style}>{html_line(cell)}</td>" for cell in row) + "</tr>" for row in part.rows
    )
    table = f"<table>{f'<thead><tr>{header}</tr></thead>' if header else ''}<tbody>{rows}</tbody></table>"
    notes = "".join(f"<p>{html_line(note, most=300)}</p>" for note in part.notes)
    return f"<p><b>{html_line(part.heading)}</b></p>{table if rows else ''}{notes}"
