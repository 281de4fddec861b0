"""What a laboratory adds to the provenance of its Result."""

import json
from collections.abc import Mapping
from typing import Any

import xarray as xr

from workbench.results.make import provenance


def recorded(
    result: xr.Dataset, parameters: Mapping[str, Any], *, model: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """A Result of `run` whose provenance has further parameters, and names the base that a laboratory began with.

    Args:
        result: of `run`, which knows a recipe by its name and length alone.
        parameters: what else the numbers depend on; functions and modules by their name.
        model: the base, where `run` was given a module that was made of it.
    """
    record = provenance(result)
    plain = {name: _plain(value) for name, value in parameters.items()}
    record |= {"parameters": {**record["parameters"], **plain}, **({"model": dict(model)} if model else {})}
    return result.assign_attrs(provenance=json.dumps(record, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__).partition(".")[0]
    return list(value) if isinstance(value, tuple) else value
