"""Scores: the variable of a Result that gives the strength of each unit for each language.

It has the attribute `role` = "score", and `best` = "lowest" if the lowest values are the strongest. The contribution of
each text is in `sample_{name}`; `normed` = "layer" means that their mean is divided by the L2 norm of its layer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument
from workbench.results.interval_ends import interval_ends
from workbench.results.make import ROLE, SCORE, Variables, make_result
from workbench.results.statistics import interval
from workbench.text.corpus import Corpus

BEST, NORMED = "best", "normed"

# Names of scores in older files without a role and in Datasets made by hand, in order of preference.
_OLDER = ("importance", "delta", "excess", "effect", "value", "average_precision", "impact", "score", "entropy")
_OLDER_LOWEST = ("score", "entropy")  # neuron scores without a language axis: lower is more specific


def score_name(result: xr.Dataset, axes: Sequence[str] | None = None, *, group: str | None = None) -> str | None:
    """The name of the score of a Result along these axes; None if it has none.

    Args:
        result: any Dataset.
        axes: axes that the score must have, in any order; any when None.
        group: an additional axis that it may have.
    """
    wanted = None if axes is None else set(axes)
    own = {
        str(name): values for name, values in result.data_vars.items() if wanted in (None, set(values.dims) - {group})
    }
    stated = [name for name, values in own.items() if values.attrs.get(ROLE) == SCORE]
    return next((name for name in (*stated, *_OLDER) if name in own), None)


def read_score(result: xr.Dataset, axes: Sequence[str]) -> xr.DataArray:
    """The score of a Result, transposed to these axes; the highest values are the strongest units.

    Raises:
        BadArgument: no score, or its lowest values are the strongest.
    """
    name = score_name(result, axes)
    if name is None or (name in _OLDER_LOWEST and ROLE not in result[name].attrs):
        raise BadArgument(
            f"a score is a variable [{', '.join(axes)}] whose attrs[{ROLE!r}] is {SCORE!r}, such as importance or "
            f"delta; this result has {listed(result)}"
        )
    if is_lowest(result[name]):
        raise BadArgument(f"the lowest values of {name} are the strongest here; give minus {name}, without {BEST!r}")
    return result[name].transpose(*axes)


def is_lowest(values: xr.DataArray) -> bool:
    """Whether the lowest values of a score are the strongest."""
    if ROLE in values.attrs:
        return values.attrs.get(BEST) == "lowest"
    return values.name in _OLDER_LOWEST and "language" not in values.dims


def lowest_first(result: xr.Dataset) -> xr.Dataset:
    """Mark the lowest values of the Result's score as the strongest; returns the Result."""
    for values in result.data_vars.values():
        if values.attrs.get(ROLE) == SCORE:
            values.attrs[BEST] = "lowest"
    return result


def listed(result: xr.Dataset) -> str:
    """The variables of a Dataset with their axes, for messages."""
    return ", ".join(f"{name}[{', '.join(map(str, v.dims))}]" for name, v in result.data_vars.items()) or "no variables"


def score_result(
    values: Sequence[Any],
    name: str,
    unit: str,
    *,
    axes: tuple[str, str],
    shape: tuple[int, int],
    model: Any,
    corpus: Corpus,
) -> xr.Dataset:
    """The Result of a score of all units, for `heads.score_result` and `neurons.score_result`.

    Args:
        values: one table [layer, unit] for each language of the corpus, or one [sample, layer, unit] of its texts.
        name: name of the score.
        unit: unit of its values; empty for none.
        axes: axes of a table.
        shape: shape of a table.
        model: `Model.info`.
        corpus: the corpus scored.

    Raises:
        BadArgument: not one table for each language, another shape, or non-finite values.
    """
    cells, end = ("language", *axes), f" [{unit}]" if unit else ""
    words = name.replace("_", " ")
    tables = _tables(values, corpus, axes, shape)
    variables: Variables = {}
    if tables[0].ndim == 2:
        variables[name] = (cells, np.stack(tables), words + end)
    else:
        samples = np.full((len(tables), max(corpus.counts.values()), *shape), np.nan)
        for part, table in zip(samples, tables, strict=True):
            part[: len(table)] = table
        bounds = interval(samples, axis=1, level=0.95, seed=0, clusters=corpus.clusters[:, :, None, None])
        variables = {
            name: (cells, np.nanmean(samples, 1), words + end),
            **interval_ends(cells, bounds, f"{words} over texts{end}", level=0.95),
            f"sample_{name}": (("language", "sample", *axes), samples, f"{words} of each text{end}"),
        }
    coords: Mapping[str, Any] = {"language": list(corpus.languages)}
    return make_result(
        variables, coords, method=name, parameters={}, model=model, corpus=corpus.info, seed=0, score=name
    )


def _tables(values: Sequence[Any], corpus: Corpus, axes: tuple[str, str], shape: tuple[int, int]) -> list[np.ndarray]:
    """One finite array for each language, all [layer, unit] or all [sample, layer, unit]."""
    wanted = f"[{', '.join(axes)}] = {list(shape)}"
    if len(values) != len(corpus.languages):
        raise BadArgument(
            f"values has {len(values)} tables; give one {wanted} for each language of the corpus "
            f"({', '.join(corpus.languages)})"
        )
    tables = []
    for (language, count), table in zip(corpus.counts.items(), values, strict=True):
        try:
            array = np.asarray(table, dtype=float)
        except (TypeError, ValueError) as error:
            raise BadArgument(f"values of {language!r} are no table of numbers ({error}); give {wanted}") from None
        if array.shape not in (shape, (count, *shape)) or array.ndim != (tables or [array])[0].ndim:
            raise BadArgument(
                f"values of {language!r} have the shape {list(array.shape)}; give {wanted} for every language, or "
                f"[sample, {', '.join(axes)}] = {[count, *shape]}"
            )
        if not np.isfinite(array).all():
            raise BadArgument(f"values of {language!r} hold NaN or infinity; every {axes[1]} needs a finite number")
        tables.append(array)
    return tables
