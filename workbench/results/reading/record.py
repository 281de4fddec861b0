"""The provenance of a Result as a short table."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from workbench.errors import BadResult
from workbench.results.make import provenance
from workbench.text.display.naming import shortened


def recorded(result: xr.Dataset) -> dict[str, Any]:
    """A Result's provenance; empty if it has none, such as a Dataset of other software."""
    try:
        return provenance(result)
    except BadResult:
        return {}


def record_rows(record: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Model, corpus, method, parameters, seed, versions and time, one row each, where recorded."""
    model, corpus = record.get("model") or {}, record.get("corpus") or {}
    parameters = {name: value for name, value in (record.get("parameters") or {}).items() if value is not None}
    rows = {
        "model": _parts(model.get("name"), model, ("revision", "hash", "dtype", "device")),
        "corpus": _parts(corpus.get("source"), corpus, ("hash", "counts", "aligned", "distinct", "chat")),
        "method": record.get("method"),
        "parameters": _pairs(parameters),
        "seed": record.get("seed"),
        "versions": _pairs(record.get("versions") or {}, between=" "),
        "time": record.get("time"),
    }
    return tuple((name, str(value)) for name, value in rows.items() if value not in (None, ""))


def _parts(name: Any, about: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """A name with its details: `polyglot (hash 0123456789ab, dtype float32)`."""
    known = {key: about[key] for key in keys if about.get(key) not in (None, "")}
    if "hash" in known:
        known["hash"] = str(known["hash"])[:12]
    if isinstance(known.get("counts"), Mapping):
        known["counts"] = _pairs(known["counts"], between=" ")
    details = ", ".join(f"{key} {value}" for key, value in known.items())
    return f"{name or 'without a name'} ({details})" if details else str(name or "")


def _pairs(named: Mapping[str, Any], between: str = "=") -> str:
    return shortened([f"{name}{between}{value}" for name, value in named.items()])
