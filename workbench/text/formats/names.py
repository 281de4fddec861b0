"""The language of a file, from its name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadCorpus, UnknownLanguage
from workbench.text.formats.decoding import bare
from workbench.text.formats.headers import AMBIGUOUS
from workbench.text.languages import check, is_requested, known, listed, requested_codes

# Suffixes of text files, in the order in which a folder is searched.
ENDINGS = ("txt", "json", "jsonl", "ndjson", "csv", "tsv", "tab", "dev", "devtest", "test")
_MLQA = re.compile(r"(?:dev|test)-context-(\w+)-question-(\w+)")
_WITH_SCRIPT = re.compile(r"(?:^|.*[._-])([a-z]{2,3}[_-][A-Z][a-z]{3})$")


_OTHER_CODES = {"jp": "ja"}  # that lm-eval's tasks end in


def language_at_end(name: str) -> str | None:
    """The language at the end of a task's name, in standard form: xcopa_it, belebele_zho_Hant; None if it names none.

    Three letters that are a code of no listed language are a word (mmlu_pro).
    """
    if (match := _WITH_SCRIPT.match(name)) and listed(match[1]):
        return check(match[1])
    code = name.rpartition("_")[2]
    code = _OTHER_CODES.get(code, code)
    return check(code) if listed(code) or (len(code) == 2 and known(code)) else None


@dataclass(frozen=True)
class Named:
    """A file with its language from its name.

    Attributes:
        path: the file.
        language: in standard form.
        stem: the name without the language, equal in all files of a set.
        ending: one of `ENDINGS`, or '' if the language is the ending (Tatoeba.de-en.de).
    """

    path: Path
    language: str
    stem: str
    ending: str


def read_name(path: Path, languages: Any = None) -> Named | None:
    """Read the language in a file's name: de.txt, eng_Latn.dev, xquad.de.json, mgsm_de.tsv, Tatoeba.de-en.de.

    Args:
        path: the file.
        languages: requested languages; their codes count even if not in the list of languages (`listed`).

    Raises:
        UnknownLanguage: the name is two letters that are no language code.
    """
    requested = requested_codes(languages)

    def is_code(piece: str) -> bool:
        return listed(piece) or (bool(requested) and known(piece) and check(piece) in requested)

    body, _, last = bare(path).rpartition(".")
    if last.lower() not in ENDINGS:
        return Named(path, check(last), body, "") if body and is_code(last) else None
    ending = last.lower()
    if ending == "json" and (mlqa := _MLQA.fullmatch(body)):
        return Named(path, check(mlqa[1]), body if mlqa[1] != mlqa[2] else "", ending) if known(mlqa[1]) else None
    piece = body.rsplit(".", 1)[-1]
    stem = body[: -len(piece)].rstrip(".")
    if is_code(piece) or (stem.endswith(("-src", "-ref")) and known(piece)):  # NTREX: newstest2019-ref.deu.txt
        return Named(path, check(piece), re.sub("-(src|ref)$", "-*", stem), ending)
    if (match := _WITH_SCRIPT.match(piece)) and listed(match[1]):
        return Named(path, check(match[1]), body[: -len(match[1])], ending)
    code = re.split("[_-]", piece)[-1]
    if code != piece and is_code(code) and code.lower() not in AMBIGUOUS:
        return Named(path, check(code), body[: -len(code)], ending)
    if re.fullmatch("[A-Za-z]{2}", piece):
        raise UnknownLanguage(f"{path}: {piece!r} is not the code of a language; call it for example de.txt")
    return None


def by_language(files: Iterable[Named], folder: Path, languages: Any = None) -> dict[str, Path]:
    """Language to file.

    Args:
        files: the files of one set.
        folder: for messages.
        languages: requested languages; duplicates in other languages are allowed.

    Raises:
        BadCorpus: two files are in one language.
    """
    paths: dict[str, Path] = {}
    for file in files:
        if file.language in paths and is_requested(file.language, languages):
            both = f"{paths[file.language].name} and {file.path.name}"
            raise BadCorpus(f"{folder}: {both} are both in {file.language!r}; keep one, or give the path of one")
        paths.setdefault(file.language, file.path)
    return paths
