"""Read a corpus from wherever texts lie."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import shipped
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage, warn
from workbench.text.corpus import Corpus, chosen
from workbench.text.decoding import Table, frame_table, lines, read_json_lines, read_table, read_text
from workbench.text.languages import check, known
from workbench.text.tables import table_corpus

SHIPPED = ("parallel",)
_KINDS = ".tsv, .csv, .jsonl, .json (XQuAD), .txt, or a folder of <language>.txt"


def load_corpus(
    source: Any = "parallel",
    *,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    split: str | None = None,
    chat: bool | str | Mapping[str, str] = False,
) -> Corpus:
    """Load texts by language.

    Args:
        source: one of
            a shipped corpus: "parallel", at least 100 aligned sentences in 12 languages;
            a folder of `<language>.txt`, one text a line (not aligned; blank lines are left out);
            a TSV or CSV with a column per language (aligned; a row with a missing cell is dropped for all languages,
            with a warning that says how many) or with the columns `language` and `text`;
            a JSONL file of objects with `language` and `text` (not aligned);
            XQuAD-like JSON, `xquad.<language>.json` or a folder of them: the contexts of its paragraphs are the texts
            (questions are left out), aligned when all languages have the same question ids;
            a pandas frame or a `datasets.Dataset` in one of the two shapes of a TSV; a `datasets.DatasetDict`;
            a Corpus, which passes through.
        languages: codes to keep, in this order (a list, or one string with commas); all when None.
        limit: first texts to keep of each language, after the split.
        split: 'train' or 'test', one half of the rows (`Corpus.split`); of a DatasetDict, which of its datasets
            (the first when None).
        chat: read the texts as the answers of a chat model, in its tokenizer's chat template (`Corpus.as_chat`); a text
            or a text for each language is the user's turn before them, which is empty with True. Only the texts' own
            tokens enter statistics. False leaves a Corpus as it is.

    Returns:
        The corpus; `Corpus.aligned` says whether row i means the same in every language.

    Raises:
        BadCorpus: missing, empty, not UTF-8, without languages, ragged, or with a blank text; says where.
        UnknownLanguage: a code that no language has, or a language asked for that is not there, or no user's turn for
            a language.
        BadArgument: an impossible `limit`, `split` or `chat`.

    Example:
        >>> import workbench as wb
        >>> corpus = wb.load_corpus("parallel", languages=["de", "ja"], limit=10)
        >>> corpus.counts
        {'de': 10, 'ja': 10}
    """
    if not isinstance(chat, bool | str | Mapping):
        raise BadArgument(f"chat={chat!r}; it is True, False, or the user's turn: a text, or one for each language")
    if isinstance(source, Mapping) and source and all(hasattr(part, "to_pandas") for part in source.values()):
        part = next(iter(source)) if split is None else split
        if part not in source:
            raise BadArgument(f"split={split!r} is not in this DatasetDict (has: {', '.join(source)})")
        corpus, split = _read(source[part], languages, name=f"datasets[{part}]"), None
    else:
        corpus = _read(source, languages)
    if languages is not None:
        corpus = corpus.select(languages)
    if split is not None:
        corpus = corpus.split(split)
    if chat is not False:
        corpus = corpus.as_chat("" if chat is True else chat)
    return corpus if limit is None else corpus.limit(limit)


def _read(source: Any, languages: str | Sequence[str] | None, name: str = "") -> Corpus:
    if isinstance(source, Corpus):
        return source
    if isinstance(source, pd.DataFrame):
        return table_corpus(frame_table(source, BadCorpus), name or "frame", languages)
    if hasattr(source, "to_pandas") and hasattr(source, "column_names"):
        return table_corpus(frame_table(source.to_pandas(), BadCorpus), name or "datasets", languages)
    if not isinstance(source, str | Path):
        raise BadCorpus(f"cannot read a corpus from {type(source).__name__}; give a path, a pandas frame or a Dataset")
    path = shipped.DATA / f"{source}.tsv" if source in SHIPPED else Path(source)
    name = str(source)
    if path.is_dir():
        return _folder(path, languages)
    suffix = path.suffix.lower()
    if not path.exists():
        raise BadCorpus(f"there is no corpus {name!r}: no such file or folder (shipped: {', '.join(SHIPPED)})")
    if suffix in (".tsv", ".tab", ".csv"):
        return table_corpus(read_table(path, BadCorpus), name, languages)
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(path)
    if suffix == ".json":
        return _xquad({_language_of(path): path}, name)
    if suffix == ".txt":
        return _text_files({_language_of(path): path}, name)
    raise BadCorpus(f"cannot tell what {name!r} is; a corpus is {_KINDS}")


def _folder(folder: Path, languages: str | Sequence[str] | None) -> Corpus:
    """Read `<language>.txt` or `xquad.<language>.json` files, whichever the folder has."""
    for pattern, read in (("*.txt", _text_files), ("*.json", _xquad)):
        files: dict[str, Path] = {}
        for path in sorted(folder.glob(pattern)):
            code = path.stem.split(".")[-1]
            if not known(code) and not re.fullmatch("[A-Za-z]{2}", code):
                continue  # README.txt and the like
            language = _language_of(path)
            if language in files:
                raise BadCorpus(f"{folder}: {files[language].name} and {path.name} are both in {language!r}; keep one")
            files[language] = path
        if files:
            kept = list(files) if languages is None else chosen(languages, list(files), where=str(folder))
            return read({language: files[language] for language in kept}, str(folder))
    raise BadCorpus(f"folder {folder} has no <language>.txt and no xquad.<language>.json, such as de.txt")


def _text_files(files: dict[str, Path], source: str) -> Corpus:
    texts, blank = {}, 0
    for language, path in files.items():
        rows = lines(read_text(path, BadCorpus))
        texts[language] = tuple(row for row in rows if row.strip())
        blank += len(rows) - len(texts[language])
    if blank:
        warn(f"{source}: left out {blank} blank lines")
    return Corpus(texts, False, source, dropped=blank)


def _json_lines(path: Path) -> Corpus:
    found = read_json_lines(path, BadCorpus)
    for place, item in found:
        for field in ("language", "text"):
            if field not in item:
                raise BadCorpus(
                    f"{path}, {place}: no {field!r} (it has: {', '.join(item)}); each line needs language and text"
                )
    blank_is_missing = [item["text"] if str(item["text"] or "").strip() else None for _, item in found]
    columns = {"language": [item["language"] for _, item in found], "text": blank_is_missing}
    return table_corpus(Table(columns, tuple(place for place, _ in found)), str(path))


def _xquad(files: dict[str, Path], source: str) -> Corpus:
    texts, questions = {}, set()
    for language, path in files.items():
        try:
            articles = json.loads(read_text(path, BadCorpus))["data"]
            paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
            texts[language] = tuple(paragraph["context"] for paragraph in paragraphs)
            asked = [tuple(question.get("id") for question in paragraph.get("qas", ())) for paragraph in paragraphs]
        except BadCorpus:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadCorpus(
                f"{path} is not XQuAD-like JSON (data > paragraphs > context): {type(error).__name__} {error}; "
                "a file of one object a line ends in .jsonl"
            ) from error
        questions.add(tuple(asked))
    return Corpus(texts, len(questions) == 1, source)


def _language_of(path: Path) -> str:
    """Language in a file's name: de.txt, xquad.de.json."""
    code = path.stem.split(".")[-1]
    try:
        return check(code)
    except UnknownLanguage:
        raise UnknownLanguage(f"{path}: {code!r} is not the code of a language; call it for example de.txt") from None
