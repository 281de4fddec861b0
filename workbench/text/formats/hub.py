"""Corpora in memory: data sets of the library `datasets`, dictionaries by language, lists of objects."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from workbench.errors import BadArgument, BadCorpus
from workbench.text.corpus import Corpus
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import Table, frame_table
from workbench.text.formats.headers import language_columns
from workbench.text.formats.tables import has_texts, only_roles, table_corpus, text_column
from workbench.text.languages import check, language_list, listed

_SPLITS = ("train", "validation", "test", "dev", "devtest")
Languages = str | Sequence[str] | None
Columns = Mapping[str, str | None] | None


def is_dataset(value: Any) -> bool:
    """Whether a value is a table of the library `datasets`."""
    return hasattr(value, "to_pandas") and hasattr(value, "column_names") and not isinstance(value, Mapping)


def dataset_table(dataset: Any) -> Table:
    """Make a table of a `datasets.Dataset`, with class names instead of numbers."""
    table = frame_table(dataset.to_pandas(), BadCorpus)
    columns = dict(table.columns)
    for header, feature in (getattr(dataset, "features", None) or {}).items():
        names = getattr(feature, "names", None)
        if isinstance(names, list) and header in columns:
            columns[header] = [None if cell is None or cell < 0 else names[int(cell)] for cell in columns[header]]
    return Table(columns, table.places)


def mapping_corpus(
    source: Mapping[Any, Any], languages: Languages, columns: Columns, split: str | None, *, aligned: bool | None = None
) -> tuple[Corpus, bool]:
    """Read a dictionary: of lists by language, of data sets by language or by split, or of columns.

    Keys are read like the headers of a frame: a warning names those that are no language. With `aligned`, lists are
    columns of a table; else each language has its own number of texts.

    Returns:
        The corpus, and whether `split` selected a part of the dictionary.

    Raises:
        BadCorpus: none of these, or two keys for one language.
        BadArgument: a missing split, or `columns` that do not apply to data sets by language.
        UnknownLanguage: a key that no language has.
    """
    if not source:
        raise BadCorpus("an empty dict has no language; give texts by language: {'de': [...], 'en': [...]}")
    tables = all(is_dataset(part) or _is_splits(part) for part in source.values())
    if tables and not all(isinstance(key, str) and listed(key) and key not in _SPLITS for key in source):
        part = next(iter(source)) if split is None else split
        if part not in source:
            raise BadArgument(f"split={split!r} is not in this DatasetDict (has: {shortened(source)})")
        if _is_splits(source[part]):
            raise BadCorpus(f"cannot read a corpus from {part!r}, a dict of data sets inside a dict; give one of them")
        return table_corpus(dataset_table(source[part]), f"datasets[{part}]", languages, columns), True
    if tables:
        return _by_language(source, split, columns)
    if isinstance(next(iter(source.values())), str) or not all(map(_is_list, source.values())):
        kinds = ", ".join(sorted({type(part).__name__ for part in source.values()}))
        raise BadCorpus(
            f"cannot read a corpus from a dict of {kinds}; give lists of texts: {{'de': [...], 'en': [...]}}"
        )
    keys = [str(key) for key in source]
    if not columns and not any(map(listed, keys)) and not has_texts(keys):
        _codes(source)  # raises for the first key that no language has
    if has_texts(keys) or columns or aligned:
        return table_corpus(_columns(source), "dict", languages, columns), False
    lists = {str(key): list(cells) for key, cells in source.items()}
    read = language_columns(lists, "dict", languages=languages, by_language=True, in_file=False)
    texts = {code: tuple(cells) for code, cells in read.languages.items()}
    return Corpus(texts, False, "dict", ignored=tuple(read.ignored)), False


def objects_corpus(source: Sequence[Mapping[str, Any]], languages: Languages, columns: Columns) -> Corpus:
    """Read a list of dictionaries, one per row."""
    frame = pd.DataFrame([dict(item) for item in source], dtype=object)
    return table_corpus(frame_table(frame, BadCorpus), "list", languages, columns)


def texts_corpus(source: Sequence[str], languages: Languages) -> Corpus:
    """Read a list of texts in the single language given by `languages`.

    Raises:
        BadCorpus: it names none, or several.
        UnknownLanguage: unknown language.
    """
    named = [] if languages is None else language_list(languages)
    if len(named) != 1:
        raise BadCorpus("a list of texts says no language; give {'de': [...]}, or the list with languages='de'")
    return Corpus({check(str(named[0])): tuple(source)}, False, "list")


def _is_splits(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(is_dataset, value.values()))


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | pd.Series) or type(value).__name__ in ("ndarray", "Column")


def _columns(source: Mapping[Any, Any]) -> Table:
    lengths = {str(key): len(cells) for key, cells in source.items()}
    if len(set(lengths.values())) > 1:
        raise BadCorpus(f"the columns of a dict differ in length: {lengths}")
    return frame_table(pd.DataFrame({str(key): list(cells) for key, cells in source.items()}, dtype=object), BadCorpus)


def _codes(source: Mapping[Any, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for key in source:
        if check(key) in keys:
            raise BadCorpus(f"two keys are in {check(key)!r}: {keys[check(key)]!r} and {key!r}; keep one")
        keys[check(key)] = key
    return keys


def _by_language(source: Mapping[str, Any], split: str | None, columns: Columns) -> tuple[Corpus, bool]:
    parts, own, ids = {}, False, set()
    for code, key in _codes(source).items():
        part = source[key]
        if _is_splits(part):
            chosen, own = (next(iter(part)) if split is None else split), True
            if chosen not in part:
                raise BadArgument(f"split={split!r} is not in the DatasetDict of {key!r} (has: {shortened(part)})")
            part = part[chosen]
        table = dataset_table(part)
        table = only_roles(table, columns, f"datasets[{key}]")
        only = list(table.columns)
        if len(only) == 1:
            table = Table({"text": table.columns[only[0]]}, table.places)
        parts[code] = text_column(table, f"datasets[{key}]", code)
        ids.add(tuple(map(str, table.columns.get("id", ()))))
    aligned = len(parts) > 1 and len(ids) == 1 and ids != {()}
    texts = {code: part.texts[code] for code, part in parts.items()}
    ignored = tuple(dict.fromkeys(header for part in parts.values() for header in part.ignored))
    return replace(Corpus(texts, aligned, "datasets"), ignored=ignored), own
