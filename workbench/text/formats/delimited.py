"""TSV and CSV, read strictly: what a program wrote comes back as it was, and what is broken is named by its line."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import WorkbenchError, warn
from workbench.text.decoding import Table, kind, lines, read_text
from workbench.text.formats.headers import twice
from workbench.text.naming import shortened

Rows = list[tuple[int, list[str]]]
"""The line on which each row begins, and its cells."""


def read_table(path: Path, error: type[WorkbenchError]) -> Table:
    """Read a TSV or a CSV, header first.

    In a TSV a cell is what stands between two tabs, quotation marks included, unless the file is written with
    quotation marks, as pandas, R and spreadsheets write it: all headers in them, or some cell with doubled ones.

    Raises:
        WorkbenchError: of the given class: as `read_text`, a row of another length than the header, a header twice, a
            quotation mark that is not closed.
    """
    text = read_text(path, error)
    rows = _quoted(text, _separator(text), path, error) if kind(path) == ".csv" else _tabbed(text, path, error)
    header = [name.strip() for name in rows[0][1]]
    if repeated := twice(header):
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


def _separator(text: str) -> str:
    """A comma, or the semicolon that spreadsheets write where a comma stands in numbers."""
    header = text.lstrip().split("\n", 1)[0]
    return ";" if ";" in header and "," not in header else ","


def _tabbed(text: str, path: Path, error: type[WorkbenchError]) -> Rows:
    plain = [(number, line.split("\t")) for number, line in enumerate(lines(text), start=1)]
    wrapped = [cell for _, row in plain for cell in row if _is_wrapped(cell)]
    doubled = any('""' in cell[1:-1] for cell in wrapped)
    if doubled or all(map(_is_wrapped, plain[0][1])) or _closes_elsewhere(plain):
        return _quoted(text, "\t", path, error)
    if wrapped:
        warn(f"{path}: {len(wrapped)} cells stand in quotation marks, which are taken for a part of the text")
    return plain


def _is_wrapped(cell: str) -> bool:
    """Whether a cell stands in quotation marks, and those inside it are doubled."""
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")


def _closes_elsewhere(plain: Rows) -> bool:
    """Whether rows are too short because a cell in quotation marks has line breaks inside."""
    width = len(plain[0][1])
    short = [row for _, row in plain if len(row) < width]
    opened = any(cell.startswith('"') and not _is_wrapped(cell) for row in short for cell in row[-1:])
    closed = any(cell.endswith('"') and not cell.startswith('"') for row in short for cell in row[:1])
    return opened and closed


def _quoted(text: str, separator: str, path: Path, error: type[WorkbenchError]) -> Rows:
    limit = csv.field_size_limit(sys.maxsize)  # a cell may be a document
    try:
        return list(_records(text, separator, path, error))
    finally:
        csv.field_size_limit(limit)


def _records(text: str, separator: str, path: Path, error: type[WorkbenchError]) -> Iterator[tuple[int, list[str]]]:
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
                    f"{path}, line {reader.line_num}: a carriage return without a line feed stands in it; save the "
                    "file with line feeds, or put the cell in quotation marks"
                ) from problem
            raise error(
                f"{path}, line {begin}: a quotation mark is not closed, or something follows it before the next cell "
                f"({problem}, by line {reader.line_num}); double those inside a cell, and close the cell"
            ) from problem
        inside = physical[begin - 1 : reader.line_num]
        if width and len(inside) > 1 and all(_like_a_row(line, separator, width) for line in inside):
            raise error(
                f"{path}, line {begin}: a quotation mark opens a cell that runs to line {reader.line_num} over whole "
                "rows; close it, or double it if it is text (a cell that really looks so can be read from JSONL)"
            )
        if row:
            width = width or len(row)
            yield begin, row
        begin = reader.line_num + 1


def _like_a_row(line: str, separator: str, width: int) -> bool:
    """Whether a line by itself has the cells of a row; in prose a space follows a comma."""
    cells = line.split(separator)
    return len(cells) == width > 1 and not any(cell.startswith(" ") for cell in cells[1:])
