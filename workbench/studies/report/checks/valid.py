"""What a `report.json` may say: every field of its own type, figures that fetch nothing, and no endless nesting."""

import re
from dataclasses import fields
from typing import Any

from workbench.studies.findings.finding import Finding
from workbench.studies.report.checks.figure_valid import check_figure, require
from workbench.studies.report.contents import Section
from workbench.studies.report.recipe import Recipe

_DEPTH = 60
_HALF = re.compile("[\ud800-\udfff]")
_TEXTS = ("title", "reading", "control", "measure")
_NEEDED = ("title", "figure", "table", "reading", "finding", "heads")
_TIGHT = ("index", "columns", "data", "index_names", "column_names")


def check_record(record: dict[str, Any]) -> None:
    """Refuse a report whose parts are not what the workbench writes.

    Raises:
        BadResult: names the part.
    """
    _check_parts(record)
    require(type(record.get("format")) is int, "format", "a whole number")
    for name in ("title", "question", "answer"):
        require(isinstance(record.get(name), str), name, "text")
    recipe = record.get("recipe")
    if recipe is not None:
        right = isinstance(recipe, dict) and {"command", "call"} <= set(recipe) <= {
            part.name for part in fields(Recipe)
        }
        require(right and all(isinstance(text, str) for text in recipe.values()), "recipe", "an object with its texts")
    require(isinstance(record.get("sections"), list), "sections", "a list")
    for number, section in enumerate(record["sections"], start=1):
        _check_section(section, f"section {number}", older=record["format"] == 1)


def _check_section(section: Any, where: str, *, older: bool) -> None:
    known = {field.name for field in fields(Section)}
    right = isinstance(section, dict) and set(_NEEDED) <= set(section) <= known
    require(right, where, f"an object with {', '.join(_NEEDED)}, and no unknown fields")
    for name in _TEXTS:
        require(isinstance(section.get(name, ""), str), f"{name} of {where}", "text")
    if older:
        require(isinstance(section["finding"], str), f"finding of {where}", "text")
    else:
        _check_finding(section["finding"], f"finding of {where}")
    require(isinstance(section.get("file"), str | None), f"file of {where}", "text or null")
    about = section.get("provenance", {})
    require(isinstance(about, dict), f"provenance of {where}", "an object")
    versions = about.get("versions") or {}
    right = isinstance(versions, dict) and all(isinstance(text, str) for text in versions.values())
    require(right, f"versions of {where}", "an object with texts")
    require(isinstance(section["heads"], list), f"heads of {where}", "a list")
    for entry in section["heads"]:
        kinds = [type(value) for value in entry] if isinstance(entry, list) else []
        require(kinds == [int, int, str], f"heads of {where}", "a list of layer, head and text")
    _check_table(section["table"], f"table of {where}")
    check_figure(section["figure"], f"figure of {where}")


def _check_finding(finding: Any, where: str) -> None:
    right = isinstance(finding, dict) and set(finding) == {field.name for field in fields(Finding)}
    right = right and isinstance(finding["answer"], str)
    right = right and all(isinstance(finding[name], list) for name in ("details", "heads"))
    require(right, where, "an object with answer, details and heads")
    require(all(isinstance(text, str) for text in finding["details"]), f"details of the {where}", "texts")
    pairs = [[type(number) for number in head] if isinstance(head, list) else None for head in finding["heads"]]
    require(all(kinds == [int, int] for kinds in pairs), f"heads of the {where}", "pairs of layer and head")


def _check_table(table: Any, where: str) -> None:
    if table is None:
        return
    right = isinstance(table, dict) and set(table) == set(_TIGHT)
    require(right and all(isinstance(part, list) for part in table.values()), where, "an object of five lists")
    for row in table["data"]:
        right = isinstance(row, list) and len(row) == len(table["columns"]) and all(map(_is_plain, row))
        require(right, f"a row of the {where}", "a text or a number for each column")
    require(len(table["index"]) == len(table["data"]), f"index of the {where}", "as long as its rows")
    for side, names in (("index", "index_names"), ("columns", "column_names")):
        require(all(map(_is_plain, table[names])), f"{names} of the {where}", "texts")
        levels = len(table[names])
        fits = [_is_label(label, levels) for label in table[side]]
        require(levels > 0 and all(fits), f"{side} of the {where}", "a label for each of its names")
    labels = [str(label) for label in table["columns"]]
    require(len(set(labels)) == len(labels), f"columns of the {where}", "different labels")


def _is_label(label: Any, levels: int) -> bool:
    if levels == 1:
        return _is_plain(label)
    return isinstance(label, list) and len(label) == levels and all(map(_is_plain, label))


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | None)


def _check_parts(record: Any) -> None:
    """No nesting without end, and no halves of characters, which JSON can write and a page cannot."""
    waiting = [(record, 0)]
    while waiting:
        value, depth = waiting.pop()
        require(depth <= _DEPTH, "a part of the file", f"nested at most {_DEPTH} times")
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            if isinstance(part, dict | list):
                waiting.append((part, depth + 1))
            elif isinstance(part, str):
                require(part.isascii() or not _HALF.search(part), repr(part[:40]), "text of whole characters")
