"""Load a task: shipped, a file, a folder, rows in memory, or one of lm-eval's."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.arguments import checked
from workbench.errors import BadArgument, BadTask, MissingExtra
from workbench.text.corpus import chosen
from workbench.text.display.naming import quoted, shortened
from workbench.text.formats.decoding import kind, read_json_lines, read_text
from workbench.text.formats.delimited import tab_rows
from workbench.text.formats.headers import duplicates
from workbench.text.formats.names import ENDINGS, by_language, read_name
from workbench.text.languages import check, known, meaning
from workbench.text.tasks.cypher.grammar import cypher_task
from workbench.text.tasks.cypher.published import LANGUAGE, TEXT2CYPHER, text2cypher_task
from workbench.text.tasks.harness import harness_task
from workbench.text.tasks.mubench import mubench_files
from workbench.text.tasks.rows import FORMATS, Format, Reader, Row, format_of, read_item
from workbench.text.tasks.task import Item, Task, joined
from workbench.text.tasks.words import words_task

_HARNESS = "lm_eval:"
_NAMED = re.compile("(words(:.*)?|cypher)$|" + _HARNESS)  # tasks that are not read from rows
_HEADERS = {"id"}.union(
    *((*own.fields, *own.other_fields) for own in FORMATS.values())
)  # what a TSV's first line may name
_LANGUAGE = ("language", "lang", "dialect")  # fields that name a row's language


@checked
def load_task(
    source: Any = "words",
    *,
    format: str | Reader | None = None,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    split: str | None = None,
    delimiter: str | Mapping[str, str] | None = None,
) -> Task:
    """Load a task: questions with options and right answers, in one or more languages that are joined by id.

    Args:
        source: `"words"` (the shipped words: which of four words translates a concept?), `"words:de"` (asked in
            German); `"cypher"` (questions about a shipped graph: which of four Cypher queries answers them?); a JSONL,
            JSON, TSV or parquet file or a folder of them with the language in each name (`test.it.jsonl`,
            `mgsm_de.tsv`, MuBench's `XNLIDataset_lighteval_th.json`) or in a field `language`; a list of dicts, a
            mapping of language to such a list, or a frame; `"lm_eval:NAME"`, or `"lm_eval:FOLDER/NAME"`: lm-eval's own
            task makes context, options and gold.
        format: of the rows, when their fields do not tell: rows (`id, language, context, options, gold`), answers
            (`id, language, context, gold`, generated), xcopa, belebele, xstorycloze, mgsm, mmlu, include, mubench,
            text2cypher (`question, schema, cypher, instance_id`; in English where rows name no language); or a
            function from a row, its language and its number to a `wb.evaluation.Item`.
        languages: to keep, in this order; all when None. Of one of lm-eval's tasks: the language of each name.
        limit: first items to keep.
        split: of a folder: only files that have this word in their name, of MuBench's those of this mode (`"mix_2"`) or
            this task and mode (`"XNLIDataset_mix_2"`); of `"cypher"`: test (default) or train.
        delimiter: what stands between context and option, in every language or by language (`{"zh": ""}`); where None,
            or where a language is not named, that of the task: for rows a space, and nothing after an opening
            quotation mark.

    Returns:
        The Task. Where languages have different ids, `unmatched` counts them and the task is not `aligned`.

    Raises:
        BadArgument: a format or split of a source that has no use for it.
        BadTask: missing, empty, of no known format, a row that cannot be read, or one in another language than its
            file's name says; names its place.
        UnknownLanguage: a requested language, or one with a delimiter, is missing.
        MissingExtra: lm-eval is not installed.

    Example:
        >>> task = wb.load_task("words", languages="de,fr", limit=40)                            # doctest: +SKIP
        >>> wb.evaluation.accuracy(model, task).accuracy                                         # doctest: +SKIP
    """
    task = _load(source, format, languages, limit, split)
    if delimiter is None:
        return task
    if isinstance(delimiter, str):
        return replace(task, delimiter=dict.fromkeys(task.languages, delimiter))
    codes = chosen([*delimiter], list(task.languages), where="this task") if delimiter else ()
    return replace(task, delimiter={**task.delimiter, **dict(zip(codes, delimiter.values(), strict=True))})


def _load(
    source: Any,
    format: str | Reader | None,
    languages: str | Sequence[str] | None,
    limit: int | None,
    split: str | None,
) -> Task:
    """The task with its own delimiters."""
    _refuse_unused(source, format, split)
    if isinstance(source, Task):
        task = source
    elif isinstance(source, str) and (source == "words" or source.startswith("words:")):
        return words_task(languages=languages, source=source.partition(":")[2], limit=limit)
    elif isinstance(source, str) and source == "cypher":
        return cypher_task(languages=languages, split=split, limit=limit)
    elif isinstance(source, str) and source.startswith(_HARNESS):
        return harness_task(source.removeprefix(_HARNESS), languages=languages, limit=limit)
    else:
        rows, name = _rows(source, languages, split, LANGUAGE if format == TEXT2CYPHER else "")
        task = text2cypher_task(rows, name) if format == TEXT2CYPHER else _read(rows, name, format)
    return (task if languages is None else task.select(languages)).limit(limit)


def _refuse_unused(source: Any, format: str | Reader | None, split: str | None) -> None:
    """A format or split that this source has no use for would be ignored without a word."""
    named = isinstance(source, Task) or (isinstance(source, str) and bool(_NAMED.match(source)))
    if format is not None and named:
        raise BadArgument("format= is of rows that are read; this task has its own")
    if split is not None and (not isinstance(source, str | Path) or (named and source != "cypher")):
        raise BadArgument("split= chooses among a folder's files, or those of 'cypher'; this source has none")


def _rows(source: Any, languages: Any, split: str | None, default: str) -> tuple[dict[str, list[tuple[str, Row]]], str]:
    """Language to its rows, each with its place; and a name. Rows that name no language are in the default."""
    if isinstance(source, str | Path):
        path = Path(source)
        if path.name == str(source) and not path.suffix and not os.path.lexists(path):
            raise BadTask(
                f"there is no task {quoted(str(source))}: no such file or folder (shipped: words, words:LANGUAGE, "
                f"cypher; of lm-eval: {_HARNESS}NAME)"
            )
        name, files = mubench_files(path, languages, split)
        own = {language: _file_rows(file) for language, file in (files or _files(path, languages, split)).items()}
        return _by_field(own, str(path), default, mixed=bool(files)), name or str(path)
    if isinstance(source, pd.DataFrame):
        source = source.to_dict("records")
    if isinstance(source, Mapping) and all(isinstance(rows, Sequence) for rows in source.values()) and source:
        codes = [check(str(code)) for code in source]
        if repeated := duplicates(codes):
            raise BadTask(f"rows: {shortened(repeated)} more than once, in two spellings; give each language once")
        named = zip(codes, source.items(), strict=True)
        return {code: _numbered(rows, str(spelled)) for code, (spelled, rows) in named}, "rows"
    if isinstance(source, Sequence) and not isinstance(source, bytes | str) and len(source):
        return _by_field({"": _numbered(source, "rows")}, "rows", default), "rows"
    raise BadTask(
        f"cannot read a task from {type(source).__name__}; give 'words', a path, rows as dicts, or 'lm_eval:NAME'"
    )


def _numbered(rows: Any, name: str) -> list[tuple[str, Row]]:
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise BadTask(f"{name}, row {number}: {quoted(row)} is no row with named fields")
    return [(f"{name}, row {number}", row) for number, row in enumerate(rows)]


def _files(path: Path, languages: Any, split: str | None) -> dict[str, Path]:
    """Language to file; "" where no name tells it."""
    if not path.is_dir():
        named = read_name(path, languages) if path.suffix else None
        return {named.language if named else "": path}
    files = [file for file in sorted(path.iterdir()) if file.is_file() and kind(file).lstrip(".") in ENDINGS]
    files = [file for file in files if split is None or split in file.name]
    named_files = [named for file in files if (named := read_name(file, languages))]
    if not named_files:
        raise BadTask(f"{path} has no file that names its language, such as test.de.jsonl{_of(split)}")
    return by_language(named_files, path, languages)


def _of(split: str | None) -> str:
    return f" and has {split!r} in its name" if split else ""


def _file_rows(path: Path) -> list[tuple[str, Row]]:
    """Rows of a file, each with its place."""
    suffix = kind(path)
    if suffix == ".parquet":
        return _numbered(_parquet(path), str(path))
    if suffix == ".tsv":
        return _tsv_rows(path)
    if suffix == ".json":
        try:
            content = json.loads(read_text(path, BadTask))
        except (ValueError, RecursionError) as error:
            raise BadTask(f"{path} is not JSON ({str(error)[:80]})") from error
        return _numbered(content if isinstance(content, list) else [content], str(path))
    return [(f"{path}, {place}", row) for place, row in read_json_lines(path, BadTask)]


def _tsv_rows(path: Path) -> list[tuple[str, Row]]:
    """Rows of a TSV; without a header it is MGSM's."""
    lines = tab_rows(read_text(path, BadTask), path, BadTask)
    header, first = [name.strip() for name in lines[0][1]], 1
    if _HEADERS.isdisjoint(header):
        header, first = list(FORMATS["mgsm"].fields), 0
    if repeated := duplicates(header):
        raise BadTask(f"{path}: the header names {shortened(list(map(repr, repeated)))} more than once")
    for number, cells in lines:
        if len(cells) != len(header):
            what = "the header has" if first else "without a known field in the first line, a question and a number are"
            raise BadTask(f"{path}, line {number}: {len(cells)} cells; {what} {len(header)}")
    return [(f"{path}, line {number}", dict(zip(header, cells, strict=True))) for number, cells in lines[first:]]


def _parquet(path: Path) -> list[dict[str, Any]]:
    try:
        return pd.read_parquet(path).to_dict("records")  # pyright: ignore[reportReturnType]
    except ImportError as error:
        raise MissingExtra("parquet files need pyarrow; pip install 'babel-workbench[datasets]'") from error
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise BadTask(f"{path} is no parquet file that can be read ({str(error)[:80]})") from error


def _by_field(
    files: dict[str, list[tuple[str, Row]]], name: str, default: str, *, mixed: bool = False
) -> dict[str, list[tuple[str, Row]]]:
    """Rows by the language of their file's name, or else of their own field; in mixed ones the two may differ."""
    rows: dict[str, list[tuple[str, Row]]] = {}
    for language, own_rows in files.items():
        for place, row in own_rows:
            field = next((row[field] for field in _LANGUAGE if isinstance(row.get(field), str)), "")
            if language and field and known(field) and meaning(field, [language])[0] is None and not mixed:
                raise BadTask(
                    f"{place}: its language is {quoted(field)}, and the file's name says {language!r}; rename the file"
                )
            code = language or field or default
            if not known(code):
                raise BadTask(
                    f"{place}: no language; name the file by it (test.de.jsonl) or give each row a field `language`"
                )
            rows.setdefault(check(code), []).append((place, row))
    if not rows:
        raise BadTask(f"{name} has no rows")
    return rows


def _read(rows: dict[str, list[tuple[str, Row]]], name: str, format: str | Reader | None) -> Task:
    if callable(format):
        layout = Format((), format)
    elif format is not None and format not in FORMATS:
        raise BadTask(f"format={format!r} does not exist (has: {', '.join(FORMATS)}), or a function of a row")
    else:
        place, first = next(iter(rows.values()))[0]
        layout = format_of(list(first), place) if format is None else FORMATS[format]
    items: dict[str, list[Item]] = {
        language: [read_item(layout.read, row, language, str(number), place) for number, (place, row) in enumerate(own)]
        for language, own in rows.items()
    }
    return joined(items, shortened([name]), kind=layout.kind, native=layout.native)
