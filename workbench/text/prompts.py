"""Prompts for free answers: folders of tables in the format of the Language Confusion Benchmark."""

from pathlib import Path

import pandas as pd

from workbench.arguments import checked
from workbench.errors import BadCorpus
from workbench.text.formats.delimited import read_table
from workbench.text.languages import check

COLUMNS = ("task", "source", "language", "prompt")
_MORE = ("location", "phrasing")  # where and how a crosslingual prompt names the language


@checked
def load_prompts(folder: str | Path) -> pd.DataFrame:
    """Read prompts: tables with the columns `prompt`, `source`, `language`, one file per language.

    The format is that of the Language Confusion Benchmark (Marchisio et al. 2024). A task is the folder `monolingual`
    or `crosslingual` above the file; elsewhere, tables with `location` are crosslingual.

    Args:
        folder: a folder with CSV or TSV files, at any depth, or one such file.

    Returns:
        A row for each prompt: `task`, `source`, `language` (of the answer that is due), `prompt`, and where they
        occur `location` and `phrasing`.

    Raises:
        BadCorpus: there is no table, a column is missing, or a prompt is blank.
        UnknownLanguage: a code that no language has.

    Example:
        >>> wb.load_prompts("test_sets")                                                         # doctest: +SKIP
    """
    root = Path(folder)
    files = [root] if root.is_file() else sorted(path for kind in ("*.csv", "*.tsv") for path in root.rglob(kind))
    if not files:
        raise BadCorpus(f"{root} has no prompts; give a folder of CSV files with `prompt`, `source` and `language`")
    return pd.concat([_read(path) for path in files], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    """The prompts of a file."""
    table = read_table(path, BadCorpus)
    missing = [name for name in COLUMNS[1:] if name not in table.columns]
    if missing:
        raise BadCorpus(f"{path} has no column {missing[0]!r} (has: {', '.join(table.columns)})")
    columns = {name: table.columns[name] for name in (*COLUMNS[1:], *_MORE) if name in table.columns}
    for name in COLUMNS[1:]:
        if None in columns[name]:
            raise BadCorpus(f"{path}, {table.places[columns[name].index(None)]}: {name} is blank")
    columns["language"] = [check(code) for code in columns["language"]]
    tasks = [part for part in path.parts if part in ("monolingual", "crosslingual")]
    task = tasks[-1] if tasks else "crosslingual" if "location" in columns else "monolingual"
    return pd.DataFrame({"task": task, **{name: columns[name] for name in (*COLUMNS[1:], *_MORE) if name in columns}})
