"""A run folder: one NetCDF file per cell, written when the cell is finished; finished cells are not computed again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import xarray as xr

import workbench
from workbench.errors import BadResult, Interrupted
from workbench.results.files import load_result, save_result, write_whole
from workbench.results.make import versions
from workbench.studies.space import check_space

_PARTIAL = ".partial.nc"
_KEY = "cell"  # attribute of a file: what its cell was computed from


@dataclass
class Run:
    """A folder of finished cells; made by `open_run`.

    Attributes:
        folder: where the files lie.
        common: what all cells share: it is part of every cell's key.
        computed: names of the cells that this run computed, in order.
        reused: names of the cells that were there already.
    """

    folder: Path
    common: dict[str, Any] = field(default_factory=dict)
    computed: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)

    def cell(self, name: str, key: Mapping[str, Any], compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """Return a cell's Result: from its file where that has this key, else computed and saved at once.

        Args:
            name: of the file, without `.nc`.
            key: all that the numbers depend on beside `common`, the workbench's own code and the libraries.
            compute: makes the Result.

        Raises:
            Interrupted: Ctrl-C; what the sweep had finished is kept in `<name>.partial.nc`, and the line says so.
            CannotWrite: the file cannot be written.
        """
        own = {"workbench": workbench.__version__, "code": _code(), "versions": versions()}
        text = json.dumps({"cell": name, **own, **self.common, **key}, sort_keys=True, default=str)
        found = self._stored(name, text)
        if found is not None:
            self.reused.append(name)
            return found
        try:
            result = compute().assign_attrs({_KEY: text})
        except Interrupted as stop:
            raise Interrupted(f"{name}: {stop}{self._kept(name, stop.partial)}", partial=stop.partial) from None
        except KeyboardInterrupt:
            raise Interrupted(f"{name}: stopped before its first result{self._kept(name, None)}") from None
        save_result(result, self.file(name))
        self.file(f"{name}.partial").unlink(missing_ok=True)
        self.computed.append(name)
        return result

    def file(self, name: str) -> Path:
        """Path of a cell's file."""
        return self.folder / f"{name}.nc"

    @property
    def finished(self) -> list[str]:
        """Names of the cells whose files are there and right."""
        return [*self.reused, *self.computed]

    def _stored(self, name: str, key: str) -> xr.Dataset | None:
        path = self.file(name)
        if not path.is_file():
            return None
        result = load_result(path)
        return result if result.attrs.get(_KEY) == key else None

    def _kept(self, name: str, partial: Any) -> str:
        kept = f"; kept in {save_result(partial, self.file(f'{name}.partial'))}" if partial is not None else ""
        done = ", ".join(self.finished) or "none"
        return f"{kept}; finished cells in {self.folder}: {done}; the same command goes on from here"


@cache
def _code() -> str:
    """Hash of the workbench's sources: a cell that other code computed is not taken for this one's."""
    here = Path(workbench.__file__).parent
    content = (file.read_bytes() for file in sorted(here.rglob("*.py")))
    return hashlib.sha256(b"\n".join(content)).hexdigest()


def open_run(folder: str | Path) -> Run:
    """Open a run folder, make it where it lacks, and see that it can be used before anything is computed.

    Raises:
        CannotWrite: a file stands in its place, it is read-only, or the disk is full.
        BadResult: a result in it is cut short or from a newer version; it is left as it is.
    """
    folder = Path(folder).expanduser()
    write_whole(folder / ".writable", "").unlink(missing_ok=True)
    check_space(folder)
    for path in sorted(folder.glob("*.nc")):
        if not path.name.endswith(_PARTIAL):
            try:
                load_result(path)
            except BadResult as error:
                raise BadResult(f"{error}; remove the file, or choose another folder for this run") from None
    return Run(folder)
