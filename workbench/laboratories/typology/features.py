"""Typological features of languages: the shipped facts, or the URIEL of the package lang2vec."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import shipped
from workbench.arguments import checked
from workbench.errors import BadCorpus, MissingExtra, UnknownLanguage
from workbench.laboratories.typology.choose import checked_features
from workbench.laboratories.typology.uriel import read_uriel
from workbench.text.corpus import chosen, digest
from workbench.text.formats.decoding import kind
from workbench.text.formats.delimited import read_table
from workbench.text.languages import DEFAULT, known

_FILE = Path("data", "feature_predictions.npz")


@checked
def features(source: Any = None, *, languages: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Read typological features of languages.

    Args:
        source: "typology": the 20 facts that the workbench ships; "lang2vec": the URIEL in an installed package
            lang2vec, which is read and not imported; a path: a table of facts as the shipped one (TSV), the wheel of
            lang2vec, or its `feature_predictions.npz`; or a frame [language, feature]. None: an installed lang2vec,
            and the shipped facts where there is none.
        languages: codes, in this order; the twelve of the shipped model when None, and all of a frame or table.

    Returns:
        Frame [language, feature]. Facts become a feature for each category, 1 where it is the language's and else 0;
        URIEL's features are probabilities. `attrs` has `source` and `hash`.

    Raises:
        MissingExtra: "lang2vec" is not installed.
        BadCorpus: a missing or broken file, or an empty cell.
        UnknownLanguage: a language that has no features there.
        BadArgument: a frame without rows, or with values that are no finite numbers.

    Source:
        The facts are ours (CC0, see `data/typology.md`). URIEL (Littell et al. 2017), as lang2vec 1.1.2 ships it (CC
        BY-SA 4.0): syntax, phonology and inventory, predicted from the nearest languages where unknown.

    Example:
        >>> import workbench as wb
        >>> facts = wb.laboratories.features("typology", languages="de,tr,ja")
        >>> facts["order=SOV"].tolist()
        [0.0, 1.0, 1.0]
    """
    frame, name = _frame(source, languages)
    values, index = checked_features(frame)
    if languages is not None:
        frame = frame.set_axis(index, axis="index").loc[chosen(languages, index, where=name)]
        values = frame.to_numpy(dtype=float)
    made = pd.DataFrame(values, index=pd.Index(frame.index, name="language"), columns=list(map(str, frame.columns)))
    made.columns.name = "feature"
    made.attrs = {"source": name, "hash": digest([made.index.tolist(), made.columns.tolist(), values.tolist()])}
    return made


def _frame(source: Any, languages: Any) -> tuple[pd.DataFrame, str]:
    """The features and the name of their source; of URIEL only the requested languages are read."""
    if isinstance(source, pd.DataFrame):
        return source, "frame"
    if source is None:
        source = "typology" if installed() is None else "lang2vec"
    if not isinstance(source, str | Path):
        raise BadCorpus(
            f"cannot read features from {type(source).__name__}; give 'typology', 'lang2vec', a path or a frame"
        )
    if source == "typology":
        return _indicators(shipped.DATA / "typology.tsv"), "typology"
    path = installed() if source == "lang2vec" else Path(source)
    if path is None:
        raise MissingExtra(
            "lang2vec is not installed; run: pip install --no-deps lang2vec==1.1.2 (only its data are read), or give "
            "source='typology', or the path of its wheel"
        )
    if kind(path) in (".npz", ".whl"):
        return read_uriel(path, DEFAULT if languages is None else languages), str(source)
    return _indicators(path), str(source)


def installed() -> Path | None:
    """The features in an installed lang2vec, found without importing it: it does not import in a recent Python."""
    spec = find_spec("lang2vec")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _FILE).is_file():
            return path
    return None


def _indicators(path: Path) -> pd.DataFrame:
    """Facts [fact, language] as indicators [language, fact=category]."""
    table = read_table(path, BadCorpus)
    if "fact" not in table.columns:
        raise BadCorpus(f"{path}: there is no column 'fact' (has: {', '.join(table.columns)}); rows are facts")
    codes = [header for header in table.columns if header not in ("fact", "meaning")]
    if strange := [code for code in codes if not known(code)]:
        raise UnknownLanguage(f"{path}: the column {strange[0]!r} is no language; columns are fact, meaning, languages")
    if not codes or not table.places:
        raise BadCorpus(f"{path}: there are no {'facts' if codes else 'languages'}; rows are facts, columns languages")
    for header in ("fact", *codes):
        if None in table.columns[header]:
            place = table.places[table.columns[header].index(None)]
            raise BadCorpus(f"{path}, {place}: the cell of {header} is empty; a fact has a category in every language")
    facts = pd.DataFrame({code: table.columns[code] for code in codes}, index=list(table.columns["fact"])).T
    if repeated := facts.columns[facts.columns.duplicated()].tolist():
        raise BadCorpus(f"{path}: the fact {repeated[0]!r} comes more than once; a fact has one row")
    return pd.get_dummies(facts, prefix_sep="=", dtype=float)
