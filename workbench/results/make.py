"""Make a Result: an xarray.Dataset with named axes, units, and provenance."""

import datetime
import json
import math
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import workbench
from workbench.errors import BadArgument, BadResult
from workbench.results.companions import ATTRIBUTE, declared
from workbench.results.hdf5.storable import check_name, writable, writable_attribute, writable_values

Variable = tuple[tuple[str, ...], Any, str]
"""Axes, values, and a description that may end in its unit: `"change of the loss [nats]"`."""
Variables = dict[str, Variable]
"""The variables of a Result, by name."""
FORMAT = 2  # 2: variables name their companions
ROLE, SCORE = "role", "score"  # attribute of a variable, and its value for the score of a Result
_OWN = {"method", "format", "provenance"}  # attributes that make_result writes
_LIBRARIES = {
    "torch": "torch",
    "transformers": "transformers",
    "transformer_lens": "transformer-lens",
    "numpy": "numpy",
    "xarray": "xarray",
}


def make_result(
    variables: Mapping[str, Variable],
    coords: Mapping[str, Sequence[Any]],
    *,
    method: str,
    parameters: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
    corpus: Mapping[str, Any] | None = None,
    seed: int | None = None,
    attrs: Mapping[str, str | int | float] | None = None,
    owners: Mapping[str, Sequence[str]] | None = None,
    score: str | None = None,
) -> xr.Dataset:
    """Make a Result of arrays: label axes and record the provenance.

    Args:
        variables: name to (axes, values, description); values are a NumPy array, a torch tensor or a scalar; a
            description may end in its unit: "change of the loss [nats]".
        coords: axis to its labels; an axis without labels is numbered from 0.
        method: the analysis, such as "heads.importance".
        parameters: its options.
        model: `Model.info`; its `precision` (the error of bfloat16 against float32) becomes an attribute too.
        corpus: `Corpus.info` or `Pairs.info`.
        seed: seed of every random draw, if any.
        attrs: further attributes: text or numbers.
        owners: variable to its companions, such as `{"excess": ["p_value"]}`. A companion named after its owner, such
            as `delta_low`, is added automatically; a plain `low`, `high` ... belongs to the last variable before it.
        score: the variable with the score of each head or neuron for each language, higher being stronger: its
            attribute `role` becomes "score", and functions that rank, group or plot units read it.

    Raises:
        BadArgument: values do not match their axes, or are not numbers, booleans or text; or an attribute is not text
            or a number. So every Result can be saved.
    """
    arrays = {name: (dims, _array(name, values), words) for name, (dims, values, words) in variables.items()}
    sizes = _sizes(arrays, coords)
    labels = {dim: _array(dim, coords[dim]) if dim in coords else np.arange(size) for dim, size in sizes.items()}
    data = {name: (dims, values, _described(description)) for name, (dims, values, description) in arrays.items()}
    for name, others in declared({name: dims for name, (dims, _, _) in arrays.items()}, owners or {}).items():
        data[name][2][ATTRIBUTE] = others
    if score is not None:
        if score not in data:
            raise BadArgument(f"score={score!r} is no variable of this result (has: {', '.join(data)})")
        data[score][2][ROLE] = SCORE
    stated = {name: writable_attribute(name, value) for name, value in (attrs or {}).items()}
    if own := _OWN & stated.keys():
        raise BadArgument(f"attrs has {own.pop()!r}, which every result has of its own; name it otherwise")
    if model and "precision" in model:
        stated["precision"] = model["precision"]
    record = {
        "method": method,
        "parameters": dict(parameters),
        "model": None if model is None else dict(model),
        "corpus": None if corpus is None else dict(corpus),
        "seed": seed,
        "versions": versions(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
    }
    text = writable(json.dumps(_plain(record), ensure_ascii=False, allow_nan=False))
    return xr.Dataset(data, labels, {"method": method, "format": FORMAT, "provenance": text, **stated})


def provenance(result: xr.Dataset) -> dict[str, Any]:
    """Read a Result's provenance back: method, parameters, model, corpus, seed, versions, time, machine.

    Raises:
        BadResult: there is none, it is not JSON, or its parts have other types than the workbench writes.
    """
    try:
        record = json.loads(result.attrs["provenance"])
    except KeyError:
        raise BadResult("this dataset has no 'provenance'; results are made by the workbench's own functions") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise BadResult(f"this dataset's 'provenance' is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise BadResult(f"this dataset's 'provenance' is a {type(record).__name__}, and not an object with 'method'")
    for part in ("parameters", "model", "corpus", "versions"):
        if not isinstance(record.get(part), dict | None):
            raise BadResult(f"this dataset's 'provenance' has a {part!r} that is no object: {str(record[part])[:80]!r}")
    return record


def origin(result: xr.Dataset) -> dict[str, Any]:
    """A Result's provenance; empty for a Dataset that has none."""
    return provenance(result) if "provenance" in result.attrs else {}


def versions() -> dict[str, str]:
    """Versions of the workbench, Python and the libraries that affect the numbers."""
    installed = {"workbench": workbench.__version__, "python": platform.python_version()}
    for name, package in _LIBRARIES.items():
        try:
            installed[name] = version(package)
        except PackageNotFoundError:
            installed[name] = "not installed"
    return installed


def _array(name: str, values: Any) -> np.ndarray:
    check_name(name)
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()  # NumPy has no bfloat16; float32 represents its values exactly
        values = values.numpy()
    return writable_values(name, np.asarray(values))


def _sizes(
    arrays: Mapping[str, tuple[tuple[str, ...], np.ndarray, str]], coords: Mapping[str, Sequence]
) -> dict[str, int]:
    """Length of every axis, from its labels or from the values; they must agree."""
    sizes = {dim: len(labels) for dim, labels in coords.items()}
    for name, (dims, values, _) in arrays.items():
        if len(dims) != values.ndim:
            raise BadArgument(
                f"{name!r} has the axes {dims} but values of shape {values.shape}; one axis per dimension"
            )
        for dim, size in zip(dims, values.shape, strict=True):
            check_name(dim)
            if sizes.setdefault(dim, size) != size:
                raise BadArgument(f"{name!r} has {size} values along {dim!r}, which has {sizes[dim]} elsewhere")
    return sizes


def _described(description: str) -> dict[str, str]:
    """Split "change of the loss [nats]" into long_name and units."""
    match = re.fullmatch(r"(.*?)\s*\[([^\[\]]+)\]", writable(description), flags=re.DOTALL)
    return {"long_name": match[1], "units": match[2]} if match else {"long_name": writable(description)}


def _plain(value: Any) -> Any:
    """Convert a value to JSON types; anything else becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.as_posix() if isinstance(value, Path) else str(value)
