"""Read files as text, JSON lines or table columns; errors name the place in the file."""

import codecs
import gzip
import json
import stat
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from workbench.errors import WorkbenchError
from workbench.text.display.naming import quoted, shortened

_MARKS = (  # byte order marks of other encodings, longest first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 2**20  # bytes read at a time
_SHARE = 12  # a file may have 1/12 of the free memory: text and cells take several times its bytes


@dataclass(frozen=True)
class Table:
    """Columns of cells, None for a missing cell, and the place of each row in its source ("line 2")."""

    columns: dict[str, list[Any]]
    places: tuple[str, ...]


def read_text(path: Path, error: type[WorkbenchError]) -> str:
    """Read a UTF-8 file, with or without a byte order mark, unpacked with gzip if its name ends in .gz.

    Raises:
        WorkbenchError: of the given class: missing, not a file, unreadable, empty, larger unpacked than the free memory
            allows, not UTF-8, with a NUL byte, or with carriage returns as line ends.
    """
    try:
        data = _read_bytes(path, error)
    except FileNotFoundError:
        what = "a link to nothing" if path.is_symlink() else "no file"
        raise error(f"there is {what} at {quoted(str(path))}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise error(f"{path} is no whole gzip file ({problem}); pack it again, or give the file unpacked") from problem
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"cannot read {quoted(str(path))}: {reason}") from problem
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise error(f"{path} is empty; it should contain text in UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise error(_not_utf8(path, data, problem.start)) from None
    if "\0" in text:
        bad = data.find(b"\0")
        if data.count(b"\0") * 4 > len(data):
            raise error(_not_utf8(path, data, bad))
        raise error(f"{path}, {_offset(data, bad)}: a NUL byte, which no text has; remove it, with tr -d '\\000'")
    if "\n" not in text and "\r" in text.rstrip("\r") and kind(path) != ".json":
        raise error(
            f"{path}, line 1: a carriage return without a line feed, and no line feed in the file; save the "
            "file with line feeds, for example with tr '\\r' '\\n'"
        )
    return text.removeprefix("\ufeff")


def _not_utf8(path: Path, data: bytes, bad: int) -> str:
    """The error message for a file in another encoding, which is named if its first bytes identify it."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    name = marked or ("latin1" if data[bad] else "utf-16be" if bad == 0 else "utf-16le")
    what = f"it is {name.upper()}" if marked else "" if data[bad] else f"it looks like {name.upper()} without a mark"
    return (
        f"{path} is not UTF-8: byte {data[bad]:#04x} at {_offset(data, bad)}; {what}{'; ' if what else ''}"
        f"save it as UTF-8, for example with iconv -f {name} -t utf-8"
    )


def _offset(data: bytes, bad: int) -> str:
    line = data.count(b"\n", 0, bad) + 1
    return f"offset {bad} (line {line})"


def _read_bytes(path: Path, error: type[WorkbenchError]) -> bytes:
    """All bytes of a file, unpacked; a pipe or a device could block, so it is rejected."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise error(f"{path} is a folder, a pipe or a device, and not a file")
    most = psutil.virtual_memory().available // _SHARE
    pieces, size = [], 0
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise error(f"{path} has more than {most:,} bytes, the limit for the free memory; split it")
    return b"".join(pieces)


def kind(path: Path) -> str:
    """The lower-case suffix of a file's name, without .gz: '.tsv'."""
    return Path(bare(path)).suffix.lower()


def bare(path: Path) -> str:
    """A file's name without .gz."""
    return path.stem if path.suffix.lower() == ".gz" else path.name


def lines(text: str) -> list[str]:
    r"""Lines of a text, split at \n or \r\n only: other Unicode separators may occur inside a sentence."""
    return [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]


def frame_table(frame: pd.DataFrame, error: type[WorkbenchError]) -> Table:
    """The columns of a pandas frame; NaN, None and blank text count as missing."""
    if frame.columns.duplicated().any():
        raise error(f"the frame has a column more than once: {shortened(list(frame.columns))}")
    columns = {
        str(name): [None if _missing(value) else value for value in frame[name].tolist()] for name in frame.columns
    }
    return Table(columns, tuple(f"row {row}" for row in range(len(frame))))


def read_json_lines(path: Path, error: type[WorkbenchError]) -> list[tuple[str, dict[str, Any]]]:
    """Read one JSON object per line, skipping blank lines: (place, object)."""
    objects = []
    for number, line in enumerate(lines(read_text(path, error)), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise error(f"{path}, line {number}: not JSON ({problem})") from problem
        if not isinstance(value, dict):
            raise error(f"{path}, line {number}: {type(value).__name__}, not an object with named fields")
        objects.append((f"line {number}", value))
    return objects


def complete(columns: Sequence[Sequence[Any]]) -> list[int]:
    """Rows without a missing cell."""
    return [row for row, cells in enumerate(zip(*columns, strict=True)) if None not in cells]


def _missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
