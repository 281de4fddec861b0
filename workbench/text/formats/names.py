"""Names of files: which language a file is in, by what it is called."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadCorpus, UnknownLanguage
from workbench.text.formats.decoding import bare
from workbench.text.formats.headers import AMBIGUOUS
from workbench.text.languages import check, concerns, known, listed, wanted

# What the name of a file of texts ends in, in the order in which a folder is looked through.
ENDINGS = ("txt", "json", "jsonl", "ndjson", "csv", "tsv", "tab", "dev", "devtest", "test")
_MLQA = re.compile(r"(?:dev|test)-context-(\w+)-question-(\w+)")
_WITH_SCRIPT = re.compile(r"(?:^|.*[._-])([a-z]{2,3}[_-][A-Z][a-z]{3})$")


@dataclass(frozen=True)
class Named:
    """A file whose name says its language.

    Attributes:
        path: the file.
        language: in standard form.
        stem: the name without the language, the same in all files that belong together.
        ending: one of `ENDINGS`, or '' where the language itself is the ending (Tatoeba.de-en.de).
    """

    path: Path
    language: str
    stem: str
    ending: str


def read_name(path: Path, languages: Any = None) -> Named | None:
    """Read the language in a file's name: de.txt, eng_Latn.dev, xquad.de.json, mgsm_de.tsv, Tatoeba.de-en.de.

    Args:
        path: the file.
        languages: those asked for; a code of theirs counts where it is not in the list of languages (`listed`), too.

    Raises:
        UnknownLanguage: the name is two letters which no language has as its code.
    """
    asked = wanted(languages)

    def is_code(piece: str) -> bool:
        return listed(piece) or (bool(asked) and known(piece) and check(piece) in asked)

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
    if (found := _WITH_SCRIPT.match(piece)) and listed(found[1]):
        return Named(path, check(found[1]), body[: -len(found[1])], ending)
    code = re.split("[_-]", piece)[-1]
    if code != piece and is_code(code) and code.lower() not in AMBIGUOUS:
        return Named(path, check(code), body[: -len(code)], ending)
    if re.fullmatch("[A-Za-z]{2}", piece):
        raise UnknownLanguage(f"{path}: {piece!r} is not the code of a language; call it for example de.txt")
    return None


def by_language(files: Iterable[Named], folder: Path, languages: Any = None) -> dict[str, Path]:
    """Language to file.

    Args:
        files: those that belong together.
        folder: for messages.
        languages: those asked for; two files of another one do no harm.

    Raises:
        BadCorpus: two files are in one language.
    """
    found: dict[str, Path] = {}
    for file in files:
        if file.language in found and concerns(file.language, languages):
            both = f"{found[file.language].name} and {file.path.name}"
            raise BadCorpus(f"{folder}: {both} are both in {file.language!r}; keep one, or give the path of one")
        found.setdefault(file.language, file.path)
    return found
