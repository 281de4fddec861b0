"""Save and load Results: one NetCDF file each, written whole or not at all, loaded equal bit for bit."""

import errno
import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument, BadResult, CannotWrite
from workbench.results.inspect import damaged, inspect
from workbench.results.make import FORMAT

_LAYOUT = "layout"  # attribute of the file: the dtypes that NetCDF itself does not keep


def save_result(result: xr.Dataset, path: str | Path) -> Path:
    """Save a Result as one NetCDF file (h5netcdf), provenance inside; folders are made where they lack.

    The file appears whole or not at all, and an older file of this name stays until then.

    Raises:
        CannotWrite: the folder is read-only, the disk is full.
        BadArgument: a variable holds objects that are not text, or dates.
    """
    packed = result.drop_encoding()
    layout = {}
    for name, variable in result.variables.items():
        _storable(str(name), variable)
        if _is_text(variable.dtype):
            layout[name] = variable.dtype.str if variable.dtype.kind == "U" else "O"
            packed[name] = variable.copy(data=np.asarray(variable.values, dtype=object))
    packed.attrs[_LAYOUT] = json.dumps(layout)
    for name in packed.variables:
        packed[name].encoding["_FillValue"] = None  # else NaNs are rewritten when the file is read
    return write_whole(path, packed.to_netcdf(engine="h5netcdf"))


def load_result(path: str | Path) -> xr.Dataset:
    """Load a Result wholly into memory: axes, dtypes, values and attributes as they were saved.

    Raises:
        BadResult: no such file, not NetCDF, cut short, not a Result, written by a newer workbench, or one that leads
            to other files or declares more than it can hold (see `workbench.results.inspect`).
    """
    path = Path(path)
    inspect(path)
    try:
        result = xr.load_dataset(path, engine="h5netcdf", decode_times=False, decode_timedelta=False)
    except Exception as error:
        raise damaged(path, error) from error
    written = result.attrs.get("format")
    if not isinstance(written, int | np.integer):
        raise BadResult(f"{path} is NetCDF, but not a result of the workbench: it has no attribute 'format'")
    if written > FORMAT:
        raise BadResult(
            f"{path} was written by a newer workbench (format {written}, this one reads up to {FORMAT}); upgrade"
        )
    layout = json.loads(result.attrs.pop(_LAYOUT, "{}"))
    for name, dtype in layout.items():
        result[name] = result[name].variable.copy(data=np.asarray(result[name].values, dtype=dtype))
    for attrs in (result.attrs, *(variable.attrs for variable in result.variables.values())):
        attrs.update({key: value.item() for key, value in attrs.items() if isinstance(value, np.generic)})
    return result.drop_encoding()


def write_whole(path: str | Path, data: bytes | memoryview | str) -> Path:
    """Write a file whole or not at all: beside it first, then onto the disk, then renamed into place.

    Text is written as UTF-8; folders are made where they lack.

    Raises:
        CannotWrite: with what the system said; an older file is untouched, nothing partial remains.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial.nc")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        help_ = "free some space, or" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable, or"
        raise CannotWrite(
            f"cannot write {path}: {error.strerror or error}; nothing was changed; {help_} choose another folder"
        ) from error
    return path


def _is_text(dtype: Any) -> bool:
    return dtype.kind in "UOT"


def _storable(name: str, variable: xr.Variable) -> None:
    if variable.dtype.kind not in "biufUOT":
        raise BadArgument(f"{name!r} is of type {variable.dtype}; a result holds numbers, booleans and text")
    if variable.dtype.kind == "O" and not all(isinstance(value, str) for value in variable.values.flat):
        raise BadArgument(f"{name!r} holds objects that are not text; a result holds numbers, booleans and text")
