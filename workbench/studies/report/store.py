"""`report.json`: what a report says, with its figures, so that it can be made again without the model."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import psutil

import workbench
from workbench.errors import BadResult, warn
from workbench.results.files import load_result, write_whole
from workbench.studies.findings.finding import Finding
from workbench.studies.report.checks.valid import check_record
from workbench.studies.report.contents import Report, Section
from workbench.studies.report.format_1 import from_format_1
from workbench.studies.report.recipe import Recipe
from workbench.studies.runs import COMMAND, OTHERS, put_report_aside

FILE = "report.json"
FORMAT = 3
_PARSED = 20  # times the bytes of a file that its parts may take in memory


def save_report(report: Report, folder: str | Path) -> Path:
    """Write `report.json` into a run folder, whole or not at all.

    Raises:
        CannotWrite: The folder is read-only or the disk is full.
    """
    record = {
        "format": FORMAT,
        "workbench": workbench.__version__,
        "title": report.title,
        "question": report.question,
        "answer": report.answer,
        "recipe": None if report.recipe is None else vars(report.recipe),
        "sections": [_packed(section) for section in report.sections],
    }
    path = Path(folder) / FILE
    now = None if report.recipe is None else report.recipe.command or report.recipe.call
    if (older := _command(path)) is not None and now is not None and older != now:
        put_report_aside(path.parent, path.parent / OTHERS, ["report.html"])
        warn(f"the report of another command ({older}) was in {path.parent}; it is kept in {path.parent / OTHERS}")
    return write_whole(path, json.dumps(record, ensure_ascii=False, default=_plain))


def _command(path: Path) -> str | None:
    """The command of the report that is there; None where there is no report or it has no command."""
    try:
        made = _read(path)["recipe"] if path.is_file() else None
        return None if made is None else str(made["command"] or made["call"])
    except (BadResult, KeyError, TypeError):
        return None


def load_report(folder: str | Path) -> Report:
    """Read what a run's report says.

    Raises:
        BadResult: No run folder, no `report.json` in it (the error names the command that writes it), or one that is
            cut short or from a newer workbench.
    """
    path = Path(folder).expanduser() / FILE
    record = _read(path)
    if type(record.get("format")) is int and record["format"] > FORMAT:
        raise BadResult(
            f"{path} was written by a newer workbench (format {str(record['format'])[:20]}, this one reads up to "
            f"{FORMAT}); upgrade"
        )
    try:
        check_record(record)
        if record["format"] == 1:
            record = from_format_1(record)
        return Report(
            record["title"],
            record["question"],
            record["answer"],
            [_unpacked(section) for section in record["sections"]],
            record.get("recipe") and Recipe(**record["recipe"]),
        )
    except Exception as error:  # plotly and pandas raise whatever their parts raise
        raise _broken(path, error) from None


def _read(path: Path) -> dict[str, Any]:
    """The JSON object of a file."""
    try:
        size = path.stat().st_size if path.is_file() else None
        if size is not None and size * _PARSED > psutil.virtual_memory().available:
            raise BadResult(f"{path} has {size:,} bytes, which would not fit into the free memory")
        record = None if size is None else json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadResult(f"{str(path)[:200]} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _broken(path, error) from None
    if size is None:
        raise BadResult(_missing(path.parent))
    if not isinstance(record, dict):
        raise _broken(path, ValueError("it is no JSON object"))
    return record


def _broken(path: Path, error: Exception) -> BadResult:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return BadResult(f"{path} is cut short or is not a report of the workbench: {reason}; {_again(path)}")


def _packed(section: Section) -> dict[str, Any]:
    figure, table = section.figure, section.table
    return {
        **vars(section),
        "figure": None if figure is None else json.loads(str(plotly.io.to_json(figure, validate=False))),
        "table": None if table is None else table.astype(object).where(table.notna(), None).to_dict("tight"),
        "finding": vars(section.finding),
        "provenance": dict(section.provenance),
        "heads": [[layer, head, words] for (layer, head), words in section.heads.items()],
    }


def _unpacked(record: Mapping[str, Any]) -> Section:
    figure, table, finding = record["figure"], record["table"], record["finding"]
    parts = {
        "finding": Finding(finding["answer"], tuple(finding["details"]), tuple(map(tuple, finding["heads"]))),
        "figure": figure and go.Figure(figure, skip_invalid=True),
        "table": table and pd.DataFrame.from_dict(table, orient="tight"),
        "heads": {(layer, head): words for layer, head, words in record["heads"]},
    }
    return Section(**{**record, **parts})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _missing(folder: Path) -> str:
    if not folder.is_dir():
        words = ["workbench", "demo", "--out", str(folder)]
        return f"there is no run folder {folder}; a study makes one, such as `{shlex.join(words)}`"
    return f"{folder} has no {FILE}, which holds what its report says; {_again(folder / FILE)}"


def _again(path: Path) -> str:
    """The command that writes a run's `report.json`: the one that its newest result recorded."""
    for file in sorted(path.parent.glob("*.nc"), key=lambda file: file.stat().st_mtime, reverse=True):
        try:
            words = shlex.split(str(load_result(file).attrs.get(COMMAND, "")))
        except (BadResult, ValueError):
            continue
        if words[:1] == ["workbench"] and "--out" in words[:-1] and all(map(str.isprintable, words)):
            words[words.index("--out") + 1] = str(path.parent)
            return f"`{shlex.join(words)}` writes it, and computes no finished cell again"
    return "run its command again: finished cells are not computed again"
