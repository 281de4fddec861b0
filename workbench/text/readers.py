"""Load a corpus from files, folders, data sets or objects."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import shipped
from workbench.arguments import checked
from workbench.errors import BadCorpus, warn
from workbench.text.characters import composed, counted, normalized
from workbench.text.corpus import Corpus
from workbench.text.formats.decoding import frame_table
from workbench.text.formats.delimited import read_table
from workbench.text.formats.folders import file_corpus, folder_corpus, prefix_corpus
from workbench.text.formats.hub import dataset_table, is_dataset, mapping_corpus, objects_corpus, texts_corpus
from workbench.text.formats.hub_names import PREFIX, hub_corpus
from workbench.text.formats.tables import table_corpus

SHIPPED = ("parallel",)
_Languages = str | Sequence[str] | None
_Columns = Mapping[str, str | None] | None


@checked
def load_corpus(
    source: Any = "parallel",
    *,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    split: str | None = None,
    chat: bool | str | Mapping[str, str] = False,
    columns: Mapping[str, str | None] | None = None,
    aligned: bool | None = None,
    deduplicate: bool = False,
    normalize: str | None = "NFC",
) -> Corpus:
    """Load texts by language.

    Args:
        source: one of
            a shipped corpus: "parallel", at least 100 aligned sentences in 12 languages;
            a TSV or CSV with a column per language (aligned; a row with a missing cell is dropped for all languages,
            with a warning that counts them) or with the columns `language` and `text`;
            a JSONL file of objects with `language` and `text` (not aligned), or a text for each language (aligned);
            a folder of `<language>.txt`, one text per line (not aligned; blank lines are left out), of FLORES-200
            (`eng_Latn.dev`), of NTREX or of a Moses pair (`name.de-en.de`; all aligned by line), of Belebele, or of a
            table for each language; `name.de-en` stands for the two files of a Moses pair;
            XQuAD-like JSON, `xquad.<language>.json` or a folder of them: the contexts of its paragraphs are the texts
            (questions are left out), aligned when all languages have the same question ids;
            any of these files packed as `.gz`;
            a pandas frame, a `datasets.Dataset` or a list of dicts in one of the shapes of a table; a
            `datasets.DatasetDict` by split or by language; a dict of lists by language (not aligned unless
            `aligned` says so), whose keys are read like the headers of a frame;
            a list of texts, in the one language that `languages` names;
            a data set of the Hugging Face hub, or a local folder laid out as one: `hf:owner/name`, or with its configs
            `hf:owner/name:deu_Latn+fra_Latn`, a language each (aligned if their ids agree), and its split
            `hf:owner/name:deu_Latn+fra_Latn:dev`; it is loaded with the library `datasets`; its code is never run;
            a Corpus, which is returned as it is.
        languages: codes to keep, in this order (a list, or one string with commas); all when None.
        limit: first texts to keep of each language, after the split.
        split: 'train' or 'test', one half of the rows (`Corpus.split`); of a DatasetDict or of the hub, which of its
            datasets (the first when None); of a FLORES folder, 'dev' or 'devtest'.
        chat: read the texts as the answers of a chat model, in its tokenizer's chat template (`Corpus.as_chat`); a text
            or a text for each language is the user turn before them; True means an empty one. Only the texts' own
            tokens enter statistics. False leaves a Corpus as it is.
        columns: contents of table columns, if not clear from their headers: {"src": "de", "mt": None} makes `src`
            German and leaves `mt` out; "text" and "language" mark the columns of texts and of their languages. Other
            columns are read by their headers; a warning and `Corpus.ignored` name those that are no language.
        aligned: whether row i says the same in every language; by default as known for the source.
        deduplicate: drop repeated texts (in an aligned corpus, rows repeated in all languages), also those that differ
            only in white space or Unicode composition. They are counted in any case (`Corpus.repeated`).
        normalize: the Unicode form to which texts are converted, with a warning; None leaves them as they are.

    Returns:
        The corpus; `Corpus.aligned` says whether row i means the same in every language.

    Raises:
        BadCorpus: missing, empty, not UTF-8, without languages, ragged, or with a blank text; names the place.
        UnknownLanguage: a code that no language has, or a requested language that is missing, or no user turn for a
            language.
        BadArgument: an invalid `limit`, `split`, `chat`, `columns` or `normalize`.

    Example:
        >>> import workbench as wb
        >>> corpus = wb.load_corpus("parallel", languages=["de", "ja"], limit=10)
        >>> corpus.counts
        {'de': 10, 'ja': 10}
    """
    composed("", normalize)
    corpus = source
    if not isinstance(corpus, Corpus):
        corpus, own = _read(source, languages, columns, split, aligned)
        split = None if own else split
        corpus = replace(corpus, texts=normalized(corpus.texts, normalize, corpus.source))
    if languages is not None:
        corpus = corpus.select(languages)
    if aligned is not None and aligned != corpus.aligned:
        corpus = replace(corpus, aligned=aligned, ids=())
    if deduplicate:
        corpus = corpus.distinct()
    if split is not None:
        corpus = corpus.split(split)
    if chat is not False:
        corpus = corpus.as_chat("" if chat is True else chat)
    corpus = corpus if limit is None else corpus.limit(limit)
    if corpus.repeated and corpus is not source:
        warn(
            f"{corpus.source}: texts that come again are no further evidence: {counted(corpus.repeated)}; "
            "deduplicate=True drops them"
        )
    return corpus


def _read(
    source: Any, languages: _Languages, columns: _Columns, split: str | None, aligned: bool | None
) -> tuple[Corpus, bool]:
    """The corpus, and whether `split` selected a part of the source itself."""
    if isinstance(source, pd.DataFrame):
        return table_corpus(frame_table(source, BadCorpus), "frame", languages, columns), False
    if is_dataset(source):
        return table_corpus(dataset_table(source), "datasets", languages, columns), False
    if isinstance(source, Mapping):
        return mapping_corpus(source, languages, columns, split, aligned=aligned)
    if isinstance(source, list | tuple) and source and all(isinstance(item, Mapping) for item in source):
        return objects_corpus(source, languages, columns), False
    if isinstance(source, list | tuple) and source and all(isinstance(item, str) for item in source):
        return texts_corpus(source, languages), False
    if not isinstance(source, str | Path):
        raise BadCorpus(
            f"cannot read a corpus from {type(source).__name__}; give a path, a pandas frame, a Dataset, or a dict of "
            "lists by language"
        )
    if isinstance(source, str) and source.startswith(PREFIX):
        return hub_corpus(source, languages, columns, split)
    if source in SHIPPED:
        path = shipped.DATA / f"{source}.tsv"
        return table_corpus(
            read_table(path, BadCorpus), str(source), languages, {"topic": None, **(columns or {})}
        ), False
    path = Path(source)
    try:
        there, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise BadCorpus(f"cannot look for {str(source)[:80]!r}: {reason}") from problem
    try:
        if is_folder:
            return folder_corpus(path, languages, columns, split=split, aligned=aligned)
        if there:
            return file_corpus(path, str(source), languages, columns), False
        pair = prefix_corpus(path, languages, aligned)
    except OSError as problem:  # a folder whose names cannot be listed
        raise BadCorpus(f"cannot read {str(source)[:200]!r}: {problem.strerror or problem}") from problem
    if pair is None and path.is_symlink():
        raise BadCorpus(f"there is no corpus {str(source)!r}: it is a link to nothing")
    if pair is None:
        raise BadCorpus(
            f"there is no corpus {str(source)!r}: no such file or folder (shipped: {', '.join(SHIPPED)}); a "
            f"data set of the Hugging Face hub is {PREFIX}owner/name"
        )
    return pair, False
