"""Save and load Results: one NetCDF file each, written atomically, loaded bit for bit equal or rejected."""

import errno
import glob
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadResult, CannotWrite
from workbench.results.companions import upgrade
from workbench.results.hdf5.checksums import changed, checksums
from workbench.results.hdf5.inspect import damaged, inspect
from workbench.results.hdf5.storable import check_name, writable, writable_values
from workbench.results.make import FORMAT
from workbench.results.resuming.lock import is_free, mark_in_use
from workbench.results.resuming.stops import signals_deferred

PARTIAL = ".partial.nc"
_LAYOUT = "layout"  # attribute of older files: the dtypes that NetCDF does not preserve
_SEAL = "seal"  # attribute of the file: those dtypes, and a checksum of every variable and of all attributes
_CHECKSUMS = "checksums"
_LARGE = 10_000  # values
_SHORT = 32  # letters
_STRAY = 600  # seconds after which an unlocked partial file counts as left by a killed process


@checked
def save_result(result: xr.Dataset, path: str | Path, *, compress: bool = False) -> Path:
    """Save a Result as one NetCDF file (h5netcdf), provenance inside; missing folders are created.

    The write is atomic: an older file of this name stays until the new one is complete.

    Args:
        result: the Result.
        path: of the file.
        compress: store the arrays deflated: smaller and slower; without it, those of mostly missing numbers alone.

    Raises:
        CannotWrite: the folder is read-only, or the disk is full.
        BadArgument: a variable contains dates, or objects that are not text.
    """
    result = _writable(result.drop_encoding())
    packed, layout = result.copy(), {}
    for name, variable in result.variables.items():
        if _is_text(variable.dtype):
            layout[name] = variable.dtype.str if variable.dtype.kind == "U" else "O"
            packed[name] = variable.copy(data=np.asarray(variable.values, dtype=object))
    packed.attrs[_SEAL] = json.dumps({_LAYOUT: layout, _CHECKSUMS: checksums(result)})
    for name in packed.variables:
        packed[name].encoding["_FillValue"] = None  # else NaNs are rewritten when the file is read
        if _mostly_missing(packed[name]) or (compress and packed[name].size > _LARGE // 10):
            packed[name].encoding |= {"zlib": True, "complevel": 9, "shuffle": True}
            if _is_short(result[name].dtype):
                packed[name].encoding["dtype"] = "S1"  # letters of equal length: texts of any length are not deflated
    with signals_deferred():
        return write_whole(path, packed.to_netcdf(engine="h5netcdf"))


def _mostly_missing(variable: xr.Variable | xr.DataArray) -> bool:
    """Whether a large variable is NaN in most places, as samples of languages that have few are."""
    return variable.size > _LARGE and variable.dtype.kind == "f" and bool(np.isnan(variable.values).mean() > 0.5)


def _is_short(dtype: np.dtype) -> bool:
    """Whether an array holds short texts, such as classes."""
    return dtype.kind == "U" and dtype.itemsize <= _SHORT * np.dtype("U1").itemsize


@checked
def load_result(path: str | Path) -> xr.Dataset:
    """Load a Result into memory: axes, dtypes, values and attributes as saved.

    Raises:
        BadResult: no such file, not NetCDF, truncated, changed since it was saved, not a Result, written by a newer
            workbench, or a file that links to other files or declares more data than it can contain (see
            `workbench.results.hdf5.inspect`).
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
    seal = _unsealed(result, path)
    for name, dtype in seal[_LAYOUT].items():
        result[name] = result[name].variable.copy(data=np.asarray(result[name].values, dtype=dtype))
    for attrs in (result.attrs, *(variable.attrs for variable in result.variables.values())):
        attrs.update({key: value.item() for key, value in attrs.items() if isinstance(value, np.generic)})
    if _CHECKSUMS in seal and (wrong := changed(seal[_CHECKSUMS], checksums(result))):
        raise BadResult(f"{path} was changed or damaged since it was saved: {', '.join(wrong)}; make it again")
    if written < 2:
        upgrade(result)
    return result.drop_encoding()


def _unsealed(result: xr.Dataset, path: Path) -> dict[str, Any]:
    """Remove and return what `save_result` added: dtypes, and checksums (older files have none)."""
    attrs = result.attrs
    try:
        if _SEAL in attrs:
            seal = json.loads(attrs.pop(_SEAL))
            return {_LAYOUT: dict(seal[_LAYOUT]), _CHECKSUMS: dict(seal[_CHECKSUMS])}
        if not any(f'"{_CHECKSUMS}"' in str(value) for value in attrs.values()):  # a seal whose name was damaged
            return {_LAYOUT: dict(json.loads(attrs.pop(_LAYOUT, "{}")))}
    except (TypeError, ValueError, KeyError):
        pass
    raise BadResult(f"{path} was changed or damaged since it was saved: its checksums cannot be read; make it again")


def write_whole(path: str | Path, data: bytes | memoryview | str) -> Path:
    """Write a file atomically: to a partial file in the same folder, synced, then renamed.

    Text is written as UTF-8; missing folders are created; partial files of killed processes are removed.

    Raises:
        CannotWrite: with the reason of the system; an older file is unchanged, no partial file remains.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_partial(path.parent, path.name, age=_STRAY)
        try:
            with partial.open("xb") as file:
                mark_in_use(file)
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


def remove_partial(folder: Path, name: str = "*", *, age: float = 0) -> None:
    """Remove partial files of a name that no process has locked.

    Args:
        folder: folder of the files.
        name: name of the target file.
        age: least seconds since their last write.
    """
    pattern = name if name == "*" else glob.escape(name)
    for partial in folder.glob(f".{pattern}.*{PARTIAL}"):
        with suppress(OSError):
            plain = partial.is_file() and not partial.is_symlink()
            if plain and time.time() - partial.stat().st_mtime >= age and is_free(partial):
                partial.unlink()


def _writable(result: xr.Dataset) -> xr.Dataset:
    """A Result with names, values and attributes that a file can store; users may have changed it since it was made."""
    clean = {}
    for name, variable in result.variables.items():
        check_name(name)
        attrs = {key: writable(value) if isinstance(value, str) else value for key, value in variable.attrs.items()}
        clean[name] = variable.copy(data=writable_values(str(name), np.asarray(variable.values)))
        clean[name].attrs = attrs
    attrs = {key: writable(value) if isinstance(value, str) else value for key, value in result.attrs.items()}
    return result.assign(clean).assign_attrs(attrs)


def _is_text(dtype: Any) -> bool:
    return dtype.kind in "UOT"
