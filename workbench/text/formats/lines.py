"""Files with one text per line: one file per language, aligned by line or not."""

from pathlib import Path

from workbench.errors import BadCorpus, warn
from workbench.text.corpus import Corpus
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import lines, read_text
from workbench.text.formats.tables import keep_complete


def line_corpus(files: dict[str, Path], source: str, *, aligned: bool) -> Corpus:
    """Read one text per line. If aligned, a line that is blank in one language is dropped in all languages.

    Raises:
        BadCorpus: a file that cannot be read, or aligned files of different lengths.
    """
    return _aligned_corpus(files, source) if aligned else _unaligned_corpus(files, source)


def _unaligned_corpus(files: dict[str, Path], source: str) -> Corpus:
    texts, blank = {}, 0
    for language, path in files.items():
        rows = lines(read_text(path, BadCorpus))
        texts[language] = tuple(row for row in rows if row.strip())
        blank += len(rows) - len(texts[language])
    if blank:
        warn(f"{source}: left out {blank} blank lines")
    return Corpus(texts, False, source, dropped=blank)


def _aligned_corpus(files: dict[str, Path], source: str) -> Corpus:
    columns = {}
    for language, path in files.items():
        rows = read_text(path, BadCorpus).removesuffix("\n").split("\n")
        columns[language] = [row.removesuffix("\r") if row.strip() else None for row in rows]
    counts = {language: len(rows) for language, rows in columns.items()}
    if len(set(counts.values())) > 1:
        listing = shortened([f"{files[language].name} {count}" for language, count in counts.items()])
        raise BadCorpus(f"{source}: its files should be aligned line by line, but differ in length: {listing} lines")
    rows = keep_complete(columns, source)
    texts = {language: tuple(str(cells[row]) for row in rows) for language, cells in columns.items()}
    return Corpus(texts, True, source, dropped=next(iter(counts.values())) - len(rows))
