"""Files and folders: their format by name, and which files form one corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from workbench.errors import BadArgument, BadCorpus, warn
from workbench.text.corpus import Corpus, chosen
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import Table, bare, kind
from workbench.text.formats.delimited import read_table
from workbench.text.formats.headers import AMBIGUOUS
from workbench.text.formats.json_files import belebele, json_table, question_files
from workbench.text.formats.lines import line_corpus
from workbench.text.formats.names import ENDINGS, Named, by_language, read_name
from workbench.text.formats.tables import has_texts, joined, only_roles, renamed, table_corpus, text_column
from workbench.text.languages import is_requested, listed, requested_codes

KINDS = ".tsv, .csv, .jsonl, .json (XQuAD), .txt, a Moses pair, any of them with .gz, or a folder of <language>.txt"
_IN_STEP = ("dev", "devtest", "test")  # eng_Latn.dev: FLORES is aligned by line
_ADVICE = "languages= takes those whose names say a language, and each can be read by its own path"
_ABOUT = ("readme", "license", "licence", "copying", "notice", "citation", "changelog", "requirements")  # no texts
_SPLITS = ("dev", "devtest", "test", "train", "validation", "valid")

Languages = str | Sequence[str] | None
Columns = Mapping[str, str | None] | None


def file_corpus(path: Path, source: str, languages: Languages, columns: Columns, *, packed: str = "") -> Corpus:
    """Read one file in the format given by its name.

    Raises:
        BadCorpus: unknown format, or the content does not match the name.
        UnknownLanguage: the name has no known language, where the format needs one.
    """
    ending = kind(path)
    if ending in (".tsv", ".tab", ".csv", ".jsonl", ".ndjson"):
        return _table_file(path, source, languages, columns)
    named = read_name(path, languages)
    if named is None:
        known = ending.removeprefix(".") in ENDINGS
        what = "its name says no language; call it for example de.txt" if known else f"a corpus is {KINDS}"
        raise BadCorpus(f"cannot tell what {source!r} is; {what}")
    if ending == ".json":
        return question_files({named.language: path}, source)
    return line_corpus({named.language: path}, source, aligned=False)


def folder_corpus(
    folder: Path, languages: Languages, columns: Columns, *, split: str | None, aligned: bool | None
) -> tuple[Corpus, bool]:
    """Read a folder of files by language; also returns whether `split` selected a part of the folder.

    One set of files is read, and files of other sets in a requested language. A warning and `Corpus.ignored` name the
    rest.

    Raises:
        BadCorpus: no file with a known name, two files in one language, or more than one set of files.
        BadArgument: a `split` that the folder does not have.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.is_file()]
    files = [named for path in paths if (named := read_name(path, languages))]
    parts = [path.name for path in sorted(folder.iterdir()) if path.is_dir() and path.name in _SPLITS]
    if not files and parts:  # FLORES: dev/ and devtest/
        part = _part(folder, parts, split)
        return folder_corpus(folder / part, languages, columns, split=None, aligned=aligned)[0], True
    group, own_split = _together(files, folder, split)
    if not group:
        raise BadCorpus(
            f"folder {folder} has no <language>.txt and no other files that are named by language, such as de.txt, "
            "eng_Latn.dev, xquad.de.json, de.jsonl, de.csv or name.de-en.de"
        )
    there = {file.language for file in group}
    more = [file for file in files if languages is not None and file.language in requested_codes(languages) - there]
    corpus = _merged([group, *_sets(more)], folder, languages, columns, aligned)
    rest = _left_out(paths, files, [*group, *more], languages)
    if rest:
        warn(f"{folder}: files that do not belong to {group[0].path.name} are left out: {shortened(rest)}; {_ADVICE}")
    return replace(corpus, ignored=(*corpus.ignored, *rest)), own_split


def _together(files: list[Named], folder: Path, split: str | None) -> tuple[list[Named], bool]:
    """The files of the first set in the order of `ENDINGS`, and whether `split` selected them; may be empty."""
    for ending in ENDINGS:
        group = [file for file in files if file.ending == ending]
        if ending not in _IN_STEP:
            group = [file for file in group if not file.stem] or group
        if not group:
            continue
        own = ending in _IN_STEP
        if own and len(present := [name for name in _IN_STEP if any(file.ending == name for file in files)]) > 1:
            group = [file for file in files if file.ending == _part(folder, present, split)]
        halves = sorted({file.path.name.split("-context-")[0] for file in group if "-context-" in file.path.name})
        part = None
        if len(halves) > 1:  # MLQA: dev-context-... and test-context-...
            part = _part(folder, halves, split)
            group = [file for file in group if file.path.name.startswith(f"{part}-")]
        taken = group[0].ending if own else part
        return group, split is not None and split == taken
    pairs = {stem: list(group) for stem, group in groupby(sorted(files, key=lambda file: file.stem), lambda f: f.stem)}
    pairs = {stem: group for stem, group in pairs.items() if len(group) > 1}
    if len(pairs) > 1:
        raise BadCorpus(f"{folder} has more than one set of files: {shortened(pairs)}; give one: {folder / min(pairs)}")
    return next(iter(pairs.values()), []), False


def _sets(files: list[Named]) -> list[list[Named]]:
    """Files grouped by ending, which decides how they are read."""
    endings = dict.fromkeys(file.ending for file in files)
    return [[file for file in files if file.ending == ending] for ending in endings]


def _merged(
    sets: list[list[Named]], folder: Path, languages: Languages, columns: Columns, aligned: bool | None
) -> Corpus:
    """One corpus of several sets of files, not aligned unless the user says so."""
    if len(sets) == 1:
        return _read_files(sets[0], folder, languages, columns, aligned)
    present = [file.language for group in sets for file in group]
    codes = chosen(languages or (), present, where=str(folder))
    parts = []
    for group in sets:
        mine = [code for code in codes if code in {file.language for file in group}]
        parts += [_read_files(group, folder, mine, columns, aligned)] if mine else []
    texts = {language: rows for part in parts for language, rows in part.texts.items()}
    ignored = dict.fromkeys(header for part in parts for header in part.ignored)
    return Corpus(texts, False, str(folder), dropped=sum(part.dropped for part in parts), ignored=tuple(ignored))


def _left_out(paths: list[Path], files: list[Named], read: list[Named], languages: Languages) -> tuple[str, ...]:
    """Names of unread files that may contain texts, except other parts and languages not requested."""
    taken = {file.path for file in read}
    of_part = any(file.ending in _IN_STEP for file in read)
    named = {file.path: file for file in files}
    names = []
    for path in paths:
        file = named.get(path)
        about = Path(bare(path)).stem.lower() in _ABOUT or kind(path).removeprefix(".") not in ENDINGS
        if path in taken or (file is None and about):
            continue
        other_part = file is not None and ((of_part and file.ending in _IN_STEP) or "-context-" in path.name)
        if not other_part and (file is None or is_requested(file.language, languages)):
            names.append(path.name)
    return tuple(names)


def prefix_corpus(path: Path, languages: Languages, aligned: bool | None) -> Corpus | None:
    """Read files with this prefix that end in a language: Tatoeba.de-en for Tatoeba.de-en.de and Tatoeba.de-en.en."""
    if not path.parent.is_dir() or not path.name:
        return None
    begin = [file for file in sorted(path.parent.iterdir()) if file.name.startswith(f"{path.name}.")]
    files = [
        named
        for file in begin
        if listed(bare(file)[len(path.name) + 1 :]) and (named := read_name(file)) and not named.ending
    ]
    return _read_files(files, path, languages, None, aligned) if len(files) > 1 else None


def _part(folder: Path, parts: list[str], split: str | None) -> str:
    if split is None and len(parts) > 1:
        raise BadCorpus(f"{folder} has {', '.join(parts)}; choose one, with split={parts[0]!r}")
    if split is not None and split not in parts:
        raise BadArgument(f"split={split!r} is not in {folder} (has: {', '.join(parts)})")
    return split or parts[0]


def _read_files(
    files: list[Named], folder: Path, languages: Languages, columns: Columns, aligned: bool | None
) -> Corpus:
    paths = by_language(files, folder, languages)
    wanted = list(paths) if languages is None else chosen(languages, list(paths), where=str(folder))
    paths = {language: paths[language] for language in wanted}
    ending, source = files[0].ending, str(folder)
    if ending == "json":
        return question_files(paths, source)
    if ending in ("jsonl", "ndjson", "csv", "tsv", "tab"):
        return _table_files(paths, source, columns)
    in_step = ending in (*_IN_STEP, "") or all(file.stem.endswith("-*") for file in files)
    return line_corpus(paths, source, aligned=in_step if aligned is None else aligned)


def _table(path: Path, language: str | None) -> Table:
    if kind(path) in (".jsonl", ".ndjson"):
        return json_table(path, language=language)
    return read_table(path, BadCorpus)


def _table_file(path: Path, source: str, languages: Languages, columns: Columns) -> Corpus:
    try:
        named = read_name(path)
    except ValueError:  # a table has its languages inside
        named = None
    table = _table(path, named.language if named else None)
    if named and columns:
        table, columns = renamed(table, columns, source)
    if named is None or columns or not _needs_name(table):
        return table_corpus(table, source, languages, columns)
    if {"dialect", "flores_passage"} <= table.columns.keys():
        return belebele({named.language: table}, source) or table_corpus(table, source, languages, columns)
    return text_column(table, source, named.language)


def _table_files(files: dict[str, Path], source: str, columns: Columns) -> Corpus:
    """Combine tables of one language each, given in the cells or by the file name."""
    tables = {language: _table(path, language) for language, path in files.items()}
    passages = None if columns else belebele(tables, source)
    if passages is not None:
        return passages
    for language, table in tables.items():
        tables[language] = only_roles(table, columns, str(files[language]))
        if _names_languages(table):
            raise BadCorpus(f"{files[language]} has several languages; give it alone, not with its folder {source}")
    return joined({language: (files[language].name, table) for language, table in tables.items()}, source)


def _needs_name(table: Table) -> bool:
    """Whether the language of a table must come from its file name: no header or column gives it."""
    if {"dialect", "flores_passage"} <= table.columns.keys():
        return True
    return not has_texts(table.columns) and not _names_languages(table)


def _names_languages(table: Table) -> bool:
    return any(listed(header) and header.lower() not in AMBIGUOUS for header in table.columns)
