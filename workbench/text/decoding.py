"""From files to text, to table columns and to JSON lines; every refusal says where in the file."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Table:
    """Columns of cells, None where a cell is missing, and where each row stands in its source ("line 2")."""

    columns: dict[str, list[Any]]
    places: tuple[str, ...]


def read_text(path: Path, error: type[WorkbenchError]) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        WorkbenchError: of the given class: missing, unreadable, empty, or not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise error(f"there is no file {path}") from None
    except OSError as problem:
        raise error(f"cannot read {path}: {problem.strerror or problem}") from problem
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise error(f"{path} is empty; it should hold text in UTF-8")
    try:
        text = data.decode("utf-8")
        bad = data.find(b"\0")
    except UnicodeDecodeError as problem:
        text, bad = "", problem.start
    if bad >= 0:
        line = data.count(b"\n", 0, bad) + 1
        raise error(
            f"{path} is not UTF-8: byte {data[bad]:#04x} at offset {bad} (line {line}); "
            "save it as UTF-8, for example with iconv -f latin1 -t utf-8"
        )
    return text.removeprefix("\ufeff")


def lines(text: str) -> list[str]:
    r"""Lines of a text, cut at \n or \r\n alone: other separators of Unicode may stand inside a sentence."""
    return [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]


def read_table(path: Path, error: type[WorkbenchError]) -> Table:
    """Read a TSV (no quoting: a cell is what stands between two tabs) or a CSV (quoted as usual), header first.

    Raises:
        WorkbenchError: of the given class: as `read_text`, a row of another length than the header, a header twice.
    """
    text = read_text(path, error)
    if path.suffix.lower() == ".csv":
        reader = csv.reader(io.StringIO(text, newline=""))
        rows = [(reader.line_num, row) for row in reader if row]
    else:
        rows = [(number, line.split("\t")) for number, line in enumerate(lines(text), start=1)]
    header = [name.strip() for name in rows[0][1]]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise error(f"{path}: the header names {', '.join(map(repr, twice))} more than once")
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise error(
                f"{path}, line {number}: {len(row)} cells, but the header has {len(header)}; do not cut rows short"
            )
    columns = {name: [row[at] if row[at].strip() else None for _, row in rows[1:]] for at, name in enumerate(header)}
    return Table(columns, tuple(f"line {number}" for number, _ in rows[1:]))


def frame_table(frame: pd.DataFrame, error: type[WorkbenchError]) -> Table:
    """Take the columns of a pandas frame; NaN, None and blank text count as missing."""
    if frame.columns.duplicated().any():
        raise error(f"the frame has a column more than once: {list(frame.columns)}")
    columns = {
        str(name): [None if _missing(value) else value for value in frame[name].tolist()] for name in frame.columns
    }
    return Table(columns, tuple(f"row {row}" for row in range(len(frame))))


def read_json_lines(path: Path, error: type[WorkbenchError]) -> list[tuple[str, dict[str, Any]]]:
    """Read one JSON object a line, blank lines apart: (where it stands, object)."""
    found = []
    for number, line in enumerate(lines(read_text(path, error)), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as problem:
            raise error(f"{path}, line {number}: not JSON ({problem})") from problem
        if not isinstance(value, dict):
            raise error(f"{path}, line {number}: {type(value).__name__}, not an object with named fields")
        found.append((f"line {number}", value))
    return found


def is_identifier(columns: dict[str, list[Any]], name: str) -> bool:
    """Whether a column 'id' numbers the rows instead of holding Indonesian.

    Identifiers have no spaces, and they come first or have a digit each.
    """
    cells = [str(cell) for cell in columns[name] if cell is not None]
    plain = all(not any(character.isspace() for character in cell) for cell in cells)
    numbered = all(any(character.isdigit() for character in cell) for cell in cells)
    return plain and (numbered or next(iter(columns)) == name)


def complete(columns: Sequence[Sequence[Any]]) -> list[int]:
    """Rows in which no cell is missing."""
    return [row for row, cells in enumerate(zip(*columns, strict=True)) if None not in cells]


def _missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
