"""Tables as corpora: a column per language (aligned rows), or the columns `language` and `text`."""

import re
from collections.abc import Sequence
from typing import Any

from workbench.errors import BadCorpus, UnknownLanguage, warn
from workbench.text.corpus import Corpus, chosen
from workbench.text.decoding import Table, complete, is_identifier
from workbench.text.languages import check, known

# Headers that name no language here although some language has that code.
METADATA = {"alt", "cat", "key", "num", "pos", "ref", "row", "set", "src", "sum", "tag", "url"}


def table_corpus(table: Table, source: str, languages: str | Sequence[str] | None = None) -> Corpus:
    """Make a corpus of a table.

    Args:
        table: with the columns `language` and `text`, or with a column per language; other columns are left aside.
        source: name for messages and for the provenance.
        languages: which language columns count; a row is dropped when it lacks one of these.

    Raises:
        BadCorpus: no language column, a blank text, no complete row.
        UnknownLanguage: a code that no language has, or a language asked for that is not there.
    """
    if {"language", "text"} <= table.columns.keys():
        return _long(table, source)
    columns = language_columns(table.columns, source)
    if not columns:
        raise BadCorpus(
            f"{source}: no column is headed by a language code (it has: {', '.join(table.columns)}); "
            "name the columns de, en ..., or 'language' and 'text'"
        )
    if languages is not None:
        columns = {language: columns[language] for language in chosen(languages, list(columns), where=source)}
    rows = keep_complete(columns, source)
    texts = {
        language: tuple(_text(cells[row], table, row, source) for row in rows) for language, cells in columns.items()
    }
    named = "id" in table.columns and is_identifier(table.columns, "id")
    ids = tuple(str(table.columns["id"][row]) for row in rows) if named else ()
    return Corpus(texts, True, source, dropped=len(table.places) - len(rows), ids=ids)


def language_columns(columns: dict[str, list[Any]], source: str) -> dict[str, list[Any]]:
    """Pick the columns whose header is a language code, under its standard form.

    Raises:
        UnknownLanguage: a header of two letters that is no language: a mistyped code, not metadata.
        BadCorpus: two columns are of one language.
    """
    found: dict[str, list[Any]] = {}
    for header, cells in columns.items():
        if header.lower() in METADATA or (header == "id" and is_identifier(columns, header)):
            continue
        if not known(header):
            if re.fullmatch("[A-Za-z]{2}", header):
                raise UnknownLanguage(f"{source}: {header!r} heads a column but is not the code of a language")
            continue
        if check(header) in found:
            raise BadCorpus(f"{source}: two columns are in {check(header)!r}; keep one")
        found[check(header)] = cells
    return found


def keep_complete(columns: dict[str, list[Any]], source: str) -> list[int]:
    """Rows without a missing cell; warns how many are dropped.

    Raises:
        BadCorpus: no row is complete.
    """
    total = len(next(iter(columns.values())))
    rows = complete(list(columns.values()))
    if total and len(rows) < total:
        lacking = {language: count for language, cells in columns.items() if (count := cells.count(None))}
        if not rows:
            raise BadCorpus(f"{source}: none of its {total} rows is filled in every language (blank cells: {lacking})")
        warn(
            f"{source}: dropped {total - len(rows)} of {total} rows, for all languages, because a cell is missing "
            f"(blank cells: {', '.join(f'{language} {count}' for language, count in lacking.items())})",
        )
    if not rows:
        raise BadCorpus(f"{source} has a header but no rows")
    return rows


def _long(table: Table, source: str) -> Corpus:
    texts: dict[str, list[str]] = {}
    for row, (code, place) in enumerate(zip(table.columns["language"], table.places, strict=True)):
        try:
            language = check(code)
        except UnknownLanguage as error:
            raise UnknownLanguage(f"{source}, {place}: {error}") from None
        texts.setdefault(language, []).append(_text(table.columns["text"][row], table, row, source))
    return Corpus({language: tuple(rows) for language, rows in texts.items()}, False, source)


def _text(value: Any, table: Table, row: int, source: str) -> str:
    if value is None:
        raise BadCorpus(f"{source}, {table.places[row]}: the text is blank; remove the row or fill it in")
    if not isinstance(value, str):
        raise BadCorpus(f"{source}, {table.places[row]}: {value!r} is {type(value).__name__}, not text")
    return value
