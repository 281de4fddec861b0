"""Checksums of every variable and of all attributes of a Result, to detect changed files."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

ATTRIBUTES = "attributes"  # of the Result; attributes of a variable are part of its own checksum


def checksums(result: xr.Dataset) -> dict[str, str]:
    """BLAKE2b of every variable (axes, type, values, attributes) and of the Result's attributes and names."""
    sums = {f"variable {name}": _variable(variable) for name, variable in result.variables.items()}
    names = [sorted(map(str, result.variables)), sorted(map(str, result.coords)), _attributes(result.attrs)]
    return {**sums, ATTRIBUTES: _digest(json.dumps(names).encode())}


def changed(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of the parts that differ; empty if all agree."""
    return sorted(name for name in {*stored, *now} if stored.get(name) != now.get(name))


def _variable(variable: xr.Variable) -> str:
    values = np.asarray(variable.values)
    kind = values.dtype.newbyteorder("<")
    if values.dtype.kind in "UOT":
        content = json.dumps([str(text) for text in values.flat]).encode()
    else:
        content = np.ascontiguousarray(values.astype(kind)).tobytes()
    text = kind.str if values.dtype.kind not in "OT" else "O"
    about = [list(map(str, variable.dims)), list(values.shape), text, _attributes(variable.attrs)]
    return _digest(json.dumps(about).encode() + b"\0" + content)


def _attributes(attrs: Mapping[Any, Any]) -> list[list[Any]]:
    """Name, type and value of each attribute, the same before writing and after reading."""
    values = {str(name): np.asarray(value) for name, value in attrs.items()}
    return [[name, value.dtype.kind, repr(value.tolist())] for name, value in sorted(values.items())]


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
