"""Tables as corpora: one column per language (aligned rows), or a language column and a text column."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from workbench.errors import BadArgument, BadCorpus, UnknownLanguage, warn
from workbench.text.corpus import Corpus, chosen
from workbench.text.display.naming import quoted, shortened
from workbench.text.formats.decoding import Table, complete
from workbench.text.formats.headers import check_columns, duplicates, identifiers, language_columns
from workbench.text.formats.headless import advice, looks_headless
from workbench.text.languages import check, known, listed

# Names of language columns and of text columns, in order of preference.
LANGUAGE_FIELDS = ("language", "lang", "language_code", "lang_code", "dialect", "locale")
TEXT_FIELDS = ("text", "sentence", "flores_passage", "prompt", "passage", "context", "content")


def table_corpus(
    table: Table,
    source: str,
    languages: str | Sequence[str] | None = None,
    columns: Mapping[str, str | None] | None = None,
) -> Corpus:
    """Make a corpus of a table.

    Args:
        table: with the columns `language` and `text` (or others of `LANGUAGE_FIELDS` and `TEXT_FIELDS`), or with a
            column per language; other columns are left out, with a warning.
        source: name for messages and for the provenance.
        languages: language columns to read; a row is dropped if it lacks one of these.
        columns: contents of columns as given by the user, as in `language_columns`; also "text" or "language" for the
            column of texts or of their languages.

    Raises:
        BadCorpus: no language column, a blank text, no complete row.
        UnknownLanguage: a code that no language has, or a requested language that is missing.
    """
    table, columns = renamed(_expanded(table), columns, source)
    long = None if columns else _fields(table)
    if long is not None:
        return _long_corpus(table, source, *long)
    read = language_columns(
        table.columns,
        source,
        languages=languages,
        columns=columns,
        used=_numbering(table),
        in_file=_in_file(table),
    )
    cells = read.languages
    if languages is not None:
        cells = {language: cells[language] for language in chosen(languages, list(cells), where=source)}
    rows = keep_complete(cells, source)
    texts = {
        language: tuple(text_cell(column[row], table, row, source, read.headers[language]) for row in rows)
        for language, column in cells.items()
    }
    names = identifiers(table.columns, read) or []
    ids = tuple(str(names[row]) for row in rows if names and names[row] is not None)
    named = len(ids) == len(rows)
    return Corpus(
        texts,
        True,
        source,
        dropped=len(table.places) - len(rows),
        ids=ids if named else (),
        ignored=tuple(header for header in read.ignored if not (named and header.lower() == "id")),
    )


def text_column(table: Table, source: str, language: str, *, aligned: bool = False) -> Corpus:
    """Make a corpus of a table in one language, whose texts are in the first column of `TEXT_FIELDS`.

    Raises:
        BadCorpus: no column for texts, or a blank text.
    """
    field = next((field for field in TEXT_FIELDS if field in table.columns), None)
    if field is None and looks_headless(table.columns):
        raise BadCorpus(f"{source}: {advice(table.columns, language, in_file=_in_file(table))}")
    if field is None:
        raise BadCorpus(
            f"{source}: none of its columns is known to have texts (it has: {shortened(table.columns)}); name one of "
            f"them 'text', or say which one: columns={{{shortened(list(table.columns)[:1])!r}: 'text'}}"
        )
    texts = tuple(text_cell(cell, table, row, source, field) for row, cell in enumerate(table.columns[field]))
    ignored = _warn_ignored(table, source, (field,))
    return Corpus({language: texts}, aligned, source, ignored=ignored)


def renamed(table: Table, columns: Mapping[str, str | None] | None, source: str) -> tuple[Table, dict[str, str | None]]:
    """Rename columns that the user marks as 'text' or 'language'; also returns the rest of `columns`.

    Raises:
        BadArgument: a missing column, or two columns with the same role.
    """
    given = check_columns(columns, table.columns, source)
    roles = {header: str(role) for header, role in given.items() if role in ("text", "language")}
    if repeated := duplicates(list(roles.values())):
        both = [header for header, role in roles.items() if role == repeated[0]]
        raise BadArgument(f"columns gives {repeated[0]!r} to {shortened(both)} in {source}; give it to one column")
    rest = {header: role for header, role in given.items() if header not in roles}
    free = {header: cells for header, cells in table.columns.items() if header in roles or header not in roles.values()}
    return Table({roles.get(header, header): cells for header, cells in free.items()}, table.places), rest


def only_roles(table: Table, columns: Mapping[str, str | None] | None, source: str) -> Table:
    """As `renamed`, for one of several tables by language, where `columns` may name only these roles.

    Raises:
        BadArgument: another role, or a missing column.
    """
    if not columns:
        return table
    table, rest = renamed(table, columns, source)
    if rest:
        raise BadArgument(f"columns={rest} for tables by language; only 'text' and 'language' are possible")
    return table


def keep_complete(columns: dict[str, list[Any]], source: str) -> list[int]:
    """Rows without a missing cell; warns of dropped rows.

    Raises:
        BadCorpus: no row is complete.
    """
    total = len(next(iter(columns.values())))
    rows = complete(list(columns.values()))
    if total and len(rows) < total:
        lacking = [f"{language} {count}" for language, cells in columns.items() if (count := cells.count(None))]
        if not rows:
            raise BadCorpus(
                f"{source}: none of its {total} rows is filled in every language (blank cells: {shortened(lacking)})"
            )
        warn(
            f"{source}: dropped {total - len(rows)} of {total} rows, for all languages, because a cell is missing "
            f"(blank cells: {shortened(lacking)})",
        )
    if not rows:
        raise BadCorpus(f"{source} has a header but no rows")
    return rows


def has_texts(columns: Collection[str]) -> bool:
    """Whether a table has a column for the language and one for the text."""
    return any(field in columns for field in LANGUAGE_FIELDS) and any(field in columns for field in TEXT_FIELDS)


def _numbering(table: Table) -> list[str]:
    """Columns of row names without a missing cell."""
    return [header for header, cells in table.columns.items() if header.lower() == "id" and None not in cells]


def _in_file(table: Table) -> bool:
    return not table.places or table.places[0].startswith("line")


def _expanded(table: Table) -> Table:
    """Expand cells with translations by language into columns: {"en": "Hello", "de": "Hallo"}."""
    columns: dict[str, list[Any]] = {}
    for header, cells in table.columns.items():
        present = [cell for cell in cells if cell is not None]
        if not present or not all(isinstance(cell, Mapping) and all(map(listed, cell)) for cell in present):
            columns[header] = cells
            continue
        for code in dict.fromkeys(code for cell in present for code in cell):
            columns[code] = [filled(cell.get(code)) if cell is not None else None for cell in cells]
    if {"iso_639_3", "iso_15924"} <= columns.keys() and "language" not in columns:  # FLORES+ on the hub
        pairs = zip(columns.pop("iso_639_3"), columns.pop("iso_15924"), strict=True)
        columns["language"] = [f"{code}_{script}" for code, script in pairs]
    return Table(columns, table.places)


def filled(value: Any) -> Any:
    """A cell, None for an empty text."""
    return None if isinstance(value, str) and not value.strip() else value


def _fields(table: Table) -> tuple[str, str] | None:
    """The language column and the text column, or None."""
    language = next((field for field in LANGUAGE_FIELDS if field in table.columns), None)
    text = next((field for field in TEXT_FIELDS if field in table.columns), None)
    return None if language is None or text is None else (language, text)


def joined(tables: Mapping[str, tuple[str, Table]], source: str) -> Corpus:
    """Make one corpus of tables in one language each, given by their cells or by their key.

    Args:
        tables: language to the name of its file and the table.
        source: for messages.

    Raises:
        BadCorpus: a table without a column for texts, a blank text, or texts in the language of another table.
    """
    columns: dict[str, list[Any]] = {"language": [], "text": []}
    places: list[str] = []
    ignored: dict[str, None] = {}
    spelled: dict[str, None] = {}
    for language, (file, table) in tables.items():
        field, text = _fields(table) or ("", next((name for name in TEXT_FIELDS if name in table.columns), ""))
        if not text:
            text_column(table, file, language)  # raises with what is missing
        columns["language"] += table.columns[field] if field else [language] * len(table.places)
        columns["text"] += table.columns[text]
        own = {check(code) for code in columns["language"][len(places) :] if known(code)} - {language}
        if elsewhere := sorted(own & tables.keys()):
            raise BadCorpus(
                f"{source}: {file} is in {language!r} by its name, but texts in it are in {elsewhere[0]!r} by their "
                f"column {field!r}, as {tables[elsewhere[0]][0]} is; call it by its language, or give one file"
            )
        spelled[text] = None
        places += [f"{file}, {place}" for place in table.places]
        ignored |= dict.fromkeys(header for header in table.columns if header not in (field, text))
    extra = {header: [None] * len(places) for header in ignored if header not in {*columns, *spelled}}
    text = "text" if len(spelled) > 1 else next(iter(spelled))
    cells = {"language": columns["language"], text: columns["text"], **extra}
    return _long_corpus(Table(cells, tuple(places)), source, "language", text)


def _long_corpus(table: Table, source: str, field: str, text: str) -> Corpus:
    texts: dict[str, list[str]] = {}
    spelled: dict[str, set[str]] = {}
    for row, (code, place) in enumerate(zip(table.columns[field], table.places, strict=True)):
        try:
            language = check(code)
        except UnknownLanguage as error:
            raise UnknownLanguage(f"{source}, {place}: {error}") from None
        texts.setdefault(language, []).append(text_cell(table.columns[text][row], table, row, source, text))
        spelled.setdefault(language, set()).add(code)
    for language, codes in spelled.items():
        if len(codes) > 1:
            warn(f"{source}: {shortened(sorted(codes))} are one language, {language}, and read as one")
    if {"location", "phrasing"} <= table.columns.keys():
        warn(f"{source}: {field!r} is the language requested by its prompts, not the language of the prompts")
    ignored = _warn_ignored(table, source, (field, text))
    return Corpus({code: tuple(rows) for code, rows in texts.items()}, False, source, ignored=ignored)


def _warn_ignored(table: Table, source: str, used: Sequence[str]) -> tuple[str, ...]:
    """Warn of columns with neither language nor text, and return their headers."""
    ignored = tuple(header for header in table.columns if header not in used)
    if ignored:
        warn(f"{source}: texts are those of {used[-1]!r}; other columns are left out: {shortened(ignored)}")
    return ignored


def text_cell(value: Any, table: Table, row: int, source: str, header: str) -> str:
    """A cell, checked to be text.

    Raises:
        BadCorpus: blank or not text; names the place.
    """
    if value is None:
        raise BadCorpus(
            f"{source}, {table.places[row]}: the text is blank in column {quoted(header)}; remove the row or fill it in"
        )
    if not isinstance(value, str):
        raise BadCorpus(
            f"{source}, {table.places[row]}: {quoted(value)} is {type(value).__name__}, not text, in column "
            f"{quoted(header)}; columns={{{quoted(header)}: None}} leaves the column out"
        )
    return value
