"""The URIEL features in the package lang2vec: read from its npz file or its wheel, without pickle and without code."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import langcodes
import numpy as np
import pandas as pd

from workbench.errors import BadArgument, BadCorpus, UnknownLanguage, first_line
from workbench.text.display.naming import shortened
from workbench.text.languages import check, language_list
from workbench.text.languages import name as english_name

MEMBER = "lang2vec/data/feature_predictions.npz"
# URIEL's rows of a macrolanguage know less than those of its usual variety.
_NAMES = "als arb ayr azj bos cmn ekk gaz gug khk kmr lvs npi ory pbt pes plt swh uzn ydd zsm"
_VARIETIES = {check(code): code for code in _NAMES.split()}


def read_uriel(path: Path, languages: str | Sequence[str]) -> pd.DataFrame:
    """Read URIEL features of some languages.

    Args:
        path: the wheel of lang2vec, its `feature_predictions.npz`, or a file of the same arrays: `data` [language,
            feature, source], -1 where unknown, `langs` (ISO 639-3) and `feats`.
        languages: codes; Arabic and Chinese are Standard Arabic and Mandarin.

    Returns:
        Frame [language, feature], the mean over sources.

    Raises:
        BadCorpus: missing, no such file, or unknown features of a requested language.
        UnknownLanguage: a language that is not in it.
        BadArgument: no language, or one twice.
    """
    requested = [check(code) for code in language_list(languages)]
    if len(set(requested)) < len(requested) or not requested:
        raise BadArgument(f"languages={shortened(requested)}; name one language or more, each once")
    data, codes, names = _arrays(path)
    numbers = {code: number for number, code in enumerate(codes)}
    rows = []
    for code in requested:
        if (number := numbers.get(_three_letters(code))) is None:
            raise UnknownLanguage(f"{code!r} ({english_name(code)}) is not among the {len(codes)} languages of {path}")
        rows.append(number)
    values = data[rows].astype(float)
    known = values >= 0  # NaN is not known either
    count = known.sum(2)
    if not count.all():
        row, feature = map(int, np.argwhere(count == 0)[0])
        raise BadCorpus(
            f"{path}: {int((count == 0).sum())} cells are unknown, such as {names[feature]} of {requested[row]}; "
            "read feature_predictions.npz, which has none missing"
        )
    means = np.where(known, values, 0).sum(2) / count
    return pd.DataFrame(means, index=requested, columns=names)


def _three_letters(code: str) -> str:
    """ISO 639-3 code; of a macrolanguage that of its usual variety."""
    language = code.split("-")[0]  # a script or a region has no row of its own
    return _VARIETIES.get(code) or _VARIETIES.get(language) or langcodes.Language.get(code).to_alpha3(variant="T")


def _arrays(path: Path) -> tuple[np.ndarray, list[str], list[str]]:
    """`data`, `langs` and `feats` of a file."""
    try:
        file = io.BytesIO(zipfile.ZipFile(path).read(MEMBER)) if path.suffix == ".whl" else path
        with np.load(file, allow_pickle=False) as arrays:
            data, codes, names = (arrays[name] for name in ("data", "langs", "feats"))
    except FileNotFoundError:
        raise BadCorpus(
            f"{path}: there is no file; give the wheel of lang2vec or its feature_predictions.npz"
        ) from None
    except (KeyError, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadCorpus(f"{path} has no URIEL features as lang2vec 1.1.2 ships them: {first_line(error)}") from error
    if data.shape[:2] != (len(codes), len(names)) or data.ndim != 3 or data.dtype.kind not in "fiu":
        raise BadCorpus(
            f"{path}: data has the shape {data.shape}, not [{len(codes)} languages, {len(names)} features, sources]"
        )
    return data, [str(code) for code in codes], [str(name) for name in names]
