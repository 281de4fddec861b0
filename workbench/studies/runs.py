"""A run folder: one NetCDF file per cell, written when the cell is finished; finished cells are not computed again.

A cell that is stopped continues after its last finished step. A cell that was computed from something else, such
as fewer texts, is never replaced: it is moved into `others/`, and back when it is needed again.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import xarray as xr

import workbench
from workbench.errors import BadResult, CannotWrite, Interrupted, warn
from workbench.results.files import PARTIAL, load_result, remove_partial, save_result, write_whole
from workbench.results.make import versions
from workbench.results.resuming.lock import locked
from workbench.results.resuming.progress import forget, storing_progress
from workbench.results.resuming.stops import stoppable

_KEY = "cell"  # attribute of a file: what its cell was computed from
COMMAND = "command"  # attribute of a file: the command that computed it
OTHERS = "others"
PARTS = "parts"  # the run folders of the parts of cells that workers divide
_LEAST_SPACE = 2**25  # bytes: a page with plotly.js takes 5 MB, a cell from some kilobytes to some megabytes


@dataclass
class Run:
    """A folder of finished cells; made by `open_run`.

    Attributes:
        folder: where the files lie.
        command: what computes this run at the shell; recorded in every cell.
        computed: names of the cells that this run computed, in order.
        reused: names of the cells that were there already.
    """

    folder: Path
    command: str = ""
    computed: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    _warned: bool = field(default=False, repr=False)

    def cell(self, name: str, key: Mapping[str, Any], compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """Return a cell's Result: from its file where that has this key, else computed and saved at once.

        Args:
            name: of the file, without `.nc`.
            key: all that the numbers depend on beside the workbench's own code and the libraries.
            compute: makes the Result.

        Raises:
            Interrupted: Ctrl-C, SIGTERM or SIGHUP; what the sweep had finished is in `<name>.partial.nc`, and the same
                command continues after it.
            CannotWrite: the file cannot be written.
        """
        text = _key_text(name, key)
        record = {_KEY: text, **({COMMAND: self.command} if self.command else {})}
        result = self._stored(name, text)
        if result is not None:
            self._tidy(name, text)  # a stop may have come between the result and this
            self.reused.append(name)
            return result
        with storing_progress(self._progress(name, text), text):
            try:
                result = compute().assign_attrs(record)
            except Interrupted as stop:
                partial = None if stop.partial is None else stop.partial.assign_attrs(record)
                raise Interrupted(f"{name}: {stop}{self._stop_note(name, partial)}", partial=partial) from None
            except KeyboardInterrupt:
                raise Interrupted(f"{name}: stopped before its first result{self._stop_note(name, None)}") from None
            self._save(name, result, text)
        self._tidy(name, text)
        self.computed.append(name)
        return result

    def has(self, name: str, key: Mapping[str, Any]) -> bool:
        """Whether a cell's Result with this key is in a file, in the folder or set aside."""
        text = _key_text(name, key)
        return any(_has_key(path, text) for path in (self.file(name), self._aside(name, text)))

    def file(self, name: str) -> Path:
        """Path of a cell's file."""
        return self.folder / f"{name}.nc"

    @property
    def finished(self) -> list[str]:
        """Names of the cells whose files are there and right."""
        return [*self.reused, *self.computed]

    def _progress(self, name: str, key: str) -> Path:
        return self.folder / f".{name}-{_short(key)}.progress"

    def _tidy(self, name: str, key: str) -> None:
        """Remove the progress files of a finished cell; those of other options stay."""
        forget(self._progress(name, key))
        partial = self.file(f"{name}.partial")
        if partial.is_file():
            with suppress(BadResult):
                if load_result(partial).attrs.get(_KEY) != key:
                    return
            partial.unlink()

    def _stored(self, name: str, key: str) -> xr.Dataset | None:
        """The cell with this key, moved back from `others/` if another file has its name."""
        path, aside = self.file(name), self._aside(name, key)
        if path.is_file() and (result := load_result(path)).attrs.get(_KEY) == key:
            return result
        if not aside.is_file():
            return None
        try:
            result = load_result(aside)
        except BadResult as error:
            warn(f"{error}; it is computed again")
            return None
        if result.attrs.get(_KEY) != key:
            return None
        self._put_aside(name)
        aside.replace(path)
        return result

    def _save(self, name: str, result: xr.Dataset, key: str) -> None:
        """Save a cell; where another file has its name, beside it first, so that neither is ever missing."""
        path, aside = self.file(name), self._aside(name, key)
        if not path.is_file():
            save_result(result, path)
            return
        save_result(result, aside)
        self._put_aside(name)
        aside.replace(path)

    def _put_aside(self, name: str) -> None:
        """Move the file with a cell's name into `others/`, under a name with the hash of its key."""
        path = self.file(name)
        if not path.is_file():
            return
        key = load_result(path).attrs.get(_KEY)
        aside = self._aside(name, hashlib.sha256(path.read_bytes()).hexdigest() if key is None else str(key))
        aside.parent.mkdir(exist_ok=True)
        if not self._warned:
            self._warned = True
            warn(
                f"{path} was computed from something else (options, texts, model or versions); such files are kept in "
                f"{aside.parent}, with the report that was made of them"
            )
            put_report_aside(self.folder, aside.parent)
        path.replace(aside)

    def _aside(self, name: str, key: str) -> Path:
        return self.folder / OTHERS / f"{name}-{_short(key)}.nc"

    def _stop_note(self, name: str, partial: Any) -> str:
        saved = f"; kept in {save_result(partial, self.file(f'{name}.partial'))}" if partial is not None else ""
        done = ", ".join(self.finished) or "none"
        return f"{saved}; finished cells in {self.folder}: {done}; the same command continues from here"


def put_report_aside(folder: Path, others: Path, pages: Sequence[str] = ("report.html", "explorer.html")) -> None:
    """Keep a folder's report under a name of its own, before another report replaces it."""
    record = folder / "report.json"
    if not record.is_file():
        return
    others.mkdir(exist_ok=True)
    end = hashlib.sha256(record.read_bytes()).hexdigest()[:12]
    for name in (*pages, record.name):
        if (folder / name).is_file():
            page = Path(name)
            (folder / name).replace(others / f"{page.stem}-{end}{page.suffix}")


def _key_text(name: str, key: Mapping[str, Any]) -> str:
    """What a cell is computed from, as it is recorded in its file."""
    own = {"workbench": workbench.__version__, "code": code(), "versions": versions()}
    return json.dumps({"cell": name, **own, **key}, sort_keys=True, default=str)


def _has_key(path: Path, key: str) -> bool:
    """Whether a file is a whole Result with this key."""
    with suppress(BadResult):
        return path.is_file() and load_result(path).attrs.get(_KEY) == key
    return False


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]


@cache
def code() -> str:
    """Hash of the workbench's sources: a cell that other code computed is not reused."""
    here = Path(workbench.__file__).parent
    content = (file.read_bytes() for file in sorted(here.rglob("*.py")))
    return hashlib.sha256(b"\n".join(content)).hexdigest()


@contextmanager
def run_folder(folder: str | Path, command: str = "") -> Iterator[Run]:
    """A run folder, opened, that no other run can write into until the block ends.

    SIGTERM and SIGHUP stop it as Ctrl-C does, and partial files of killed processes are removed.

    Raises:
        CannotWrite, BadResult: as `open_run`.
    """
    folder = Path(folder).expanduser()
    with locked(folder), stoppable():
        remove_partial(folder)
        yield open_run(folder, command)


def open_run(folder: str | Path, command: str = "") -> Run:
    """Open a run folder, or make it, and check that it can be used before anything is computed.

    Raises:
        CannotWrite: a file has its name, it is read-only, or the disk is full.
        BadResult: a result in it is cut short or from a newer version; it is left as it is.
    """
    folder = Path(folder).expanduser()
    write_whole(folder / ".writable", "").unlink(missing_ok=True)
    _refuse_odd_places(folder)
    _check_space(folder)
    for path in sorted(folder.glob("*.nc")):
        if not path.name.endswith(PARTIAL):
            try:
                load_result(path)
            except BadResult as error:
                raise BadResult(f"{error}; remove the file, or choose another folder for this run") from None
    return Run(folder, command)


def _refuse_odd_places(folder: Path) -> None:
    """Refuse links and other things where this run would write: it would change another folder, or fail at the end.

    Raises:
        CannotWrite: names the first one.
    """
    folders = (OTHERS, PARTS)
    for path in (*(folder / name for name in folders), *folder.glob(".*.progress")):
        right = path.is_dir() if path.name in folders else path.is_file()
        if path.is_symlink() or (path.exists() and not right):
            kind = "a link" if path.is_symlink() else "a file" if path.name in folders else "no file"
            raise CannotWrite(f"{path} is {kind}, and a run writes there; remove it, or choose another folder")


def _check_space(folder: Path) -> None:
    """Refuse, before anything is computed, a disk on which not even a small run can be saved."""
    free = shutil.disk_usage(folder).free
    need = _LEAST_SPACE // 2**20
    if free < _LEAST_SPACE:
        raise CannotWrite(
            f"a run in {folder} takes at least {need} MiB, and {free / 2**20:.1f} MiB are free there; free "
            "some space, or choose another folder"
        )
