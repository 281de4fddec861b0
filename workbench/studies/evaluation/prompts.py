"""What a study of responses reads: prompts, examples, a dictionary, and the identifier that judges, by name."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.arguments import one_of
from workbench.errors import BadArgument, BadCorpus, MissingExtra, UnsupportedSite
from workbench.evaluation import openings
from workbench.model.model import Model
from workbench.text.corpus import Corpus, chosen
from workbench.text.formats.decoding import read_text
from workbench.text.formats.delimited import read_table
from workbench.text.identification.fasttext import by_fasttext
from workbench.text.identification.identify import by_lingua, by_trigrams
from workbench.text.languages import check, same
from workbench.text.prompts import load_prompts
from workbench.text.readers import SHIPPED, load_corpus

IDENTIFIERS = ("fasttext", "lingua", "trigram")
_PIVOT = "en"  # what models lapse into most; an identifier has to know it


def read_prompts(
    source: Any, *, languages: str | Sequence[str] | None, limit: int | None
) -> tuple[pd.DataFrame | Corpus, list[str]]:
    """Prompts of a folder or file, or the texts of a shipped corpus, whose beginnings become prompts; their languages.

    Args:
        source: what `load_prompts` takes, a table of prompts, or the name of a shipped corpus.
        languages: to keep; all when None.
        limit: first prompts of each task, source and language, or first texts of each language.

    Raises:
        BadCorpus, UnknownLanguage: as `load_prompts` and `load_corpus`.
        BadArgument: a limit below 1.
    """
    if isinstance(source, Corpus) or source in SHIPPED:
        texts = load_corpus(source, languages=languages, limit=limit)
        return texts, list(texts.languages)
    table = source if isinstance(source, pd.DataFrame) else load_prompts(source)
    if limit is not None and limit < 1:
        raise BadArgument(f"limit={limit}; give a whole number from 1")
    codes = list(dict.fromkeys(table["language"]))
    if languages is not None:
        codes = chosen(languages, codes, where="these prompts")
        table = pd.DataFrame(table.loc[table["language"].isin(codes)])
    cells = [name for name in ("task", "source", "language") if name in table]
    first = table.groupby(cells, sort=False).head(limit or len(table))
    return pd.DataFrame(first).reset_index(drop=True), codes


def prompts_of(model: Model, prompts: pd.DataFrame | Corpus, opening: int) -> pd.DataFrame:
    """The table of prompts; of texts, their first tokens."""
    return openings(model, prompts, tokens=opening) if isinstance(prompts, Corpus) else prompts


def read_identifier(name: str, languages: Sequence[str]) -> Callable[[str], Any]:
    """An identifier by name: fasttext, lingua or trigram.

    Raises:
        MissingExtra: its extra is not installed.
        BadArgument: no such identifier, or a language that it does not know.
    """
    one_of("identify", name, IDENTIFIERS)
    if name == "fasttext":
        return by_fasttext()
    if name == "lingua":
        try:
            return by_lingua([*languages, *({_PIVOT} - set(languages))])
        except UnsupportedSite:
            raise MissingExtra("lingua is not installed: pip install babel-workbench[identify]") from None
    texts = load_corpus("parallel")
    unknown = [code for code in languages if not any(same(code, known) for known in texts.languages)]
    if unknown:
        raise BadArgument(
            f"identify='trigram' knows {', '.join(texts.languages)}, and not {', '.join(unknown)}; use fasttext or "
            "lingua, or other --languages"
        )
    return by_trigrams(texts)


def read_dictionary(path: str | Path | None) -> set[str] | None:
    """The words of a file with a word in each line; None without a file."""
    return None if path is None else set(read_text(Path(path), BadCorpus).split())


def enough_examples(examples: Mapping[str, Sequence[Any]], languages: Sequence[str], shots: int) -> None:
    """Refuse more shots than there are other languages with examples, before a model is loaded.

    Raises:
        BadArgument: names the language.
    """
    for code in languages:
        others = len(set(examples) - {code})
        if others < shots:
            raise BadArgument(
                f"shots={shots} in other languages than {code!r}, but examples are in {others}; give more examples"
            )


def read_examples(path: str | Path | None) -> dict[str, list[tuple[str, str]]]:
    """Language to its (question, answer) pairs, of a table with `language`, `question` and `answer`.

    Raises:
        BadCorpus: a column is missing, or a cell is blank.
    """
    if path is None:
        return {}
    table = read_table(Path(path), BadCorpus)
    cells = [table.columns.get(name) for name in ("language", "question", "answer")]
    if any(column is None or None in column for column in cells):
        raise BadCorpus(
            f"{path} needs `language`, `question` and `answer` in each row (has: {', '.join(table.columns)})"
        )
    examples: dict[str, list[tuple[str, str]]] = {}
    for code, question, answer in zip(*cells, strict=True):
        examples.setdefault(check(str(code)), []).append((str(question), str(answer)))
    return examples
