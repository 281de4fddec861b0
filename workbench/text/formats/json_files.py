"""JSON: one object per line in several shapes, and the nested files of XQuAD and MLQA."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import BadCorpus, warn
from workbench.text.corpus import Corpus
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import Table, read_json_lines, read_text
from workbench.text.formats.tables import LANGUAGE_FIELDS, TEXT_FIELDS, filled, has_texts
from workbench.text.languages import check

_CELLS = 10**6  # most cells of a table
_SPARSE = 64  # most cells per filled cell, above that size
_BELEBELE = ("dialect", "link", "question_number", "flores_passage")


def json_table(path: Path, *, language: str | None = None) -> Table:
    """Make a table of a file with one object per line: one column for each name in any object.

    Args:
        path: the file.
        language: language from the file name; then lines need no field for the language.

    Raises:
        BadCorpus: not JSON, not objects, or only some lines have `language` and `text`.
    """
    objects = read_json_lines(path, BadCorpus)
    return objects_table([item for _, item in objects], [place for place, _ in objects], str(path), language=language)


def objects_table(
    items: Sequence[Mapping[str, Any]], places: Sequence[str], source: str, *, language: str | None = None
) -> Table:
    """Make a table of objects: one column for each name; see `json_table`."""
    columns = list(dict.fromkeys(str(name) for item in items for name in item))
    texts = [field for field in (*LANGUAGE_FIELDS, *TEXT_FIELDS) if field in columns]
    if has_texts(columns) or "language" in columns or (language is None and columns == ["text"]):
        need = (
            next((field for field in LANGUAGE_FIELDS if field in texts), "language"),
            next((field for field in TEXT_FIELDS if field in texts), "text"),
        )
        for place, item in zip(places, items, strict=True):
            lacking = [field for field in need if field not in item and (field != need[0] or language is None)]
            if lacking:
                raise BadCorpus(
                    f"{source}, {place}: no {lacking[0]!r} (it has: {shortened(item)}); each line needs "
                    f'{need[0]} and {need[1]}, or a text for each language: {{"de": "...", "en": "..."}}'
                )
    entries = sum(map(len, items))
    if len(columns) * len(items) > max(_CELLS, _SPARSE * entries):
        raise BadCorpus(
            f"{source}: its {len(items)} objects have {len(columns)} different names ({shortened(columns)}); a corpus "
            "has the same few names in each line"
        )
    cells = {name: [filled(item.get(name)) for item in items] for name in columns}
    return Table(cells, tuple(places))


def question_files(files: dict[str, Path], source: str) -> Corpus:
    """Read XQuAD or MLQA: the contexts of paragraphs are the texts, aligned if all files have the same questions.

    Raises:
        BadCorpus: another shape of JSON.
    """
    texts, questions = {}, set()
    for language, path in files.items():
        try:
            articles = json.loads(read_text(path, BadCorpus))["data"]
            paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
            texts[language] = tuple(paragraph["context"] for paragraph in paragraphs)
            ids = [tuple(question.get("id") for question in paragraph.get("qas", ())) for paragraph in paragraphs]
            questions.add(tuple(ids))  # raises for an unhashable id, such as a list
        except BadCorpus:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"{type(error).__name__} {str(error)[:80]}"
            raise BadCorpus(
                f"{path} is not XQuAD-like JSON (data > paragraphs > context): {reason}; "
                "a file of one object a line ends in .jsonl"
            ) from error
    return Corpus(texts, len(questions) == 1, source)


def belebele(tables: dict[str, Table], source: str) -> Corpus | None:
    """Read Belebele's files, aligned by passage and question; None if they are not Belebele or differ in those.

    A passage with several questions is read once.
    """
    if not all(set(_BELEBELE) <= table.columns.keys() for table in tables.values()):
        return None
    rows: dict[str, dict[str, Any]] = {}
    for language, table in tables.items():
        cells = (table.columns[name] for name in _BELEBELE)
        for dialect, link, number, passage in zip(*cells, strict=True):
            if check(dialect) != language:
                raise BadCorpus(f"{source}: a passage in {dialect!r} is in the file of {language!r}")
            rows.setdefault(language, {})[f"{link}#{number}"] = passage
    keys = [set(passages) for passages in rows.values()]
    if any(each != keys[0] for each in keys) or any(len(rows[code]) < len(tables[code].places) for code in rows):
        return None
    order = list(next(iter(rows.values())))
    corpus = Corpus(
        {code: tuple(passages[key] for key in order) for code, passages in rows.items()}, True, source, ids=tuple(order)
    )
    once = corpus.distinct()
    if once.counts != corpus.counts:
        warn(f"{source}: {len(once.ids)} passages for {len(order)} questions; each is read once")
    return once
