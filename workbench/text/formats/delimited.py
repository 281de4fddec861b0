"""Strict reader of TSV and CSV: valid files are read unchanged, errors name the line."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import BadCorpus, WorkbenchError, warn
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import Table, kind, lines, read_text
from workbench.text.formats.headers import duplicates
from workbench.text.formats.headless import looks_headless

_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "vertical bars"}
Rows = list[tuple[int, list[str]]]
"""The line on which each row begins, and its cells."""


def read_table(path: Path, error: type[WorkbenchError]) -> Table:
    """Read a TSV or a CSV, header first.

    In a TSV a cell is the text between two tabs, quotation marks included, unless the file uses quoting as pandas, R
    and spreadsheets do: all headers quoted, a cell with doubled quotation marks, or quoted cells with tabs or line
    breaks inside such that every row has as many cells as the header. If both readings are possible, a warning says
    which one is used.

    Raises:
        WorkbenchError: of the given class: as `read_text`, a row of another length than the header, a duplicate header,
            an unclosed quotation mark.
    """
    text = read_text(path, error)
    _check_separator(text, path, error)
    rows = _quoted(text, _separator(text), path, error) if kind(path) == ".csv" else tab_rows(text, path, error)
    header = [name.strip() for name in rows[0][1]]
    if repeated := duplicates(header):
        raise error(f"{path}: the header names {shortened([repr(name) for name in repeated])} more than once")
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise error(
                f"{path}, line {number}: {len(row)} cells, but the header has {len(header)}; do not cut rows short"
            )
    cells = zip(*(row for _, row in rows[1:]), strict=True) if len(rows) > 1 else ((),) * len(header)
    columns = {
        name: [cell if cell.strip() else None for cell in column] for name, column in zip(header, cells, strict=True)
    }
    return Table(columns, tuple(f"line {number}" for number, _ in rows[1:]))


def _check_separator(text: str, path: Path, error: type[WorkbenchError]) -> None:
    """Reject a table whose first line has another separator than its file name implies."""
    first = text.lstrip("\n").split("\n", 1)[0].removesuffix("\r")
    if re.fullmatch('"?sep=.?"?', first):
        raise error(
            f"{path}, line 1: {first!r} is a note for spreadsheets about the separator; delete this line (a .csv has "
            "commas or semicolons between its cells, a .tsv tabs)"
        )
    own = ",;" if kind(path) == ".csv" else "\t"
    if any(separator in first for separator in own):
        return
    for other, called in _SEPARATORS.items():
        cells = first.split(other)
        if len(cells) > 1 and all(cell.strip() == cell != "" for cell in cells) and not looks_headless(cells):
            works = (
                "call it .tsv" if other == "\t" else "call it .csv" if other in ",;" else "write tabs and call it .tsv"
            )
            raise error(
                f"{path}: the separator is another one: its first line has {called} between cells, where the name "
                f"promises {'commas or semicolons' if own == ',;' else 'tabs'}; {works}"
            )


def _separator(text: str) -> str:
    """A comma, or the semicolon that spreadsheets write in locales with decimal commas."""
    header = text.lstrip().split("\n", 1)[0]
    return ";" if ";" in header and "," not in header else ","


def tab_rows(text: str, path: Path, error: type[WorkbenchError]) -> Rows:
    """Rows of a TSV, its header among them, by the reading that `read_table` describes.

    Raises:
        WorkbenchError: of the given class: an unclosed quotation mark.
    """
    plain = [(number, line.split("\t")) for number, line in enumerate(lines(text), start=1)]
    wrapped = [cell for _, row in plain for cell in row if _is_wrapped(cell)]
    opened = any(cell.startswith('"') and not _is_wrapped(cell) for _, row in plain for cell in row)
    if opened and (rows := _with_tabs_inside(text, plain, path)) is not None:
        return rows
    if any('""' in cell[1:-1] for cell in wrapped) or all(map(_is_wrapped, plain[0][1])):
        return _quoted(text, "\t", path, error)
    if wrapped:
        warn(f"{path}: {len(wrapped)} cells are in quotation marks, which are read as part of the text")
    return plain


def _is_wrapped(cell: str) -> bool:
    """Whether a cell is quoted, with quotation marks inside doubled."""
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")


def _with_tabs_inside(text: str, plain: Rows, path: Path) -> Rows | None:
    """Rows of a file with tabs or line breaks inside quoted cells; None if the file is not written so."""
    try:
        rows = _quoted(text, "\t", path, BadCorpus, trusting=True)
    except BadCorpus:
        return None
    width = len(rows[0][1])
    inside = [number for number, row in rows if any("\t" in cell or "\n" in cell for cell in row)]
    if not inside or any(len(row) != width for _, row in rows):
        return None
    if all(len(row) == len(plain[0][1]) for _, row in plain):  # each line could also be a row
        written = io.StringIO()
        csv.writer(written, delimiter="\t", lineterminator="\n").writerows(row for _, row in rows)
        if written.getvalue().rstrip("\n") != text.replace("\r\n", "\n").rstrip("\n"):
            return None
        warn(
            f"{path}, line {inside[0]}: a cell in quotation marks with a tab or a line break inside is read as one "
            f"(cells like it: {len(inside)} rows); give a JSONL file if the marks are a part of the texts"
        )
    return rows


def _quoted(text: str, separator: str, path: Path, error: type[WorkbenchError], *, trusting: bool = False) -> Rows:
    """Rows of cells that may be quoted; with `trusting`, a cell may span text that looks like whole rows."""
    limit = csv.field_size_limit(sys.maxsize)  # a cell may be a document
    try:
        return list(_records(text, separator, path, error, trusting=trusting))
    finally:
        csv.field_size_limit(limit)


def _records(
    text: str, separator: str, path: Path, error: type[WorkbenchError], *, trusting: bool
) -> Iterator[tuple[int, list[str]]]:
    physical = lines(text)
    reader = csv.reader((f"{line}\n" for line in text.rstrip("\r\n").split("\n")), delimiter=separator, strict=True)
    begin, width = 1, 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            if "\r" in physical[reader.line_num - 1]:
                raise error(
                    f"{path}, line {reader.line_num}: a carriage return without a line feed; save the "
                    "file with line feeds, or put the cell in quotation marks"
                ) from problem
            raise error(
                f"{path}, line {begin}: a quotation mark is not closed, or something follows it before the next cell "
                f"({problem}, by line {reader.line_num}); double those inside a cell, and close the cell"
            ) from problem
        inside = physical[begin - 1 : reader.line_num]
        if width and not trusting and len(inside) > 1 and all(_like_a_row(line, separator, width) for line in inside):
            raise error(
                f"{path}, line {begin}: a quotation mark opens a cell that runs to line {reader.line_num} over whole "
                "rows; close it, or double it if it is text (a cell that really looks so can be read from JSONL)"
            )
        if row:
            width = width or len(row)
            yield begin, row
        begin = reader.line_num + 1


def _like_a_row(line: str, separator: str, width: int) -> bool:
    """Whether a line by itself looks like a row; in prose a space follows a comma."""
    cells = line.split(separator)
    return len(cells) == width > 1 and not any(cell.startswith(" ") for cell in cells[1:])
