"""Progress: stores the finished steps of a long computation in a file, so that it can resume after a stop.

An analysis wraps its loop in `resumed` and names the arrays that the loop fills. Inside `storing_progress`, which a run
folder opens for each cell, those arrays are stored while the loop runs, and a later computation with the same key skips
the finished steps. Elsewhere the loop is an ordinary loop.
"""

import hashlib
import io
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import warn
from workbench.results.resuming.stops import signals_deferred

_SHARE = 0.02  # largest share of the time spent on storing
_LEAST = 0.02  # least seconds of work between two stores
_MOST = 2**31  # steps of a loop
_UNREADABLE = (
    sqlite3.Error,
    TypeError,
    ValueError,
    OverflowError,
)  # raised by a damaged file: its steps are recomputed
_CURRENT: ContextVar["Progress | None"] = ContextVar("progress", default=None)


class Progress:
    """The progress file of one cell: a row for each loop, with its number of finished steps and its arrays.

    Args:
        path: path of the file, created when the first step is stored.
        key: everything the numbers depend on; progress of another key is dropped.
    """

    def __init__(self, path: Path, key: str):
        self.path, self.key = path, key
        self.cost = 1e-3  # seconds of the last store
        self.lost = False
        self.levels = [_Level("")]
        self.counts = self._read()

    def load(self, name: str, steps: str, state: Mapping[str, Any]) -> bool:
        """Restore a loop's arrays to the state stored after these steps; False if no stored state matches."""
        try:
            with closing(sqlite3.connect(self.path)) as file:
                row = file.execute("SELECT steps, done, state, seal FROM loops WHERE name = ?", (name,)).fetchone()
            if row is None or row[0] != steps or row[3] != _seal(name, *row[:3]):
                return False
        except _UNREADABLE:
            return False
        return _restored(state, _unpacked(row[2]))

    def store(self, name: str, steps: str, done: int, state: Mapping[str, Any]) -> None:
        """Store a loop's finished steps; progress of loops nested in those steps is removed."""
        if self.lost:
            return
        began = time.monotonic()
        blob = _packed(state)
        try:
            with signals_deferred(), closing(self._open()) as file, file:
                file.execute("DELETE FROM loops WHERE name GLOB ?", (f"{name}.*",))
                row = (name, steps, done, blob, _seal(name, steps, done, blob))
                file.execute("INSERT OR REPLACE INTO loops VALUES (?, ?, ?, ?, ?)", row)
        except (sqlite3.Error, OSError) as error:  # a full disk stops storing, not computing
            self.lost = True
            warn(f"cannot store finished steps in {self.path} ({error}); a stop would lose them")
        self.cost = time.monotonic() - began

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(self.path)
        file.execute("PRAGMA synchronous = OFF")  # a kill loses nothing written; a torn page fails its checksum
        file.execute("CREATE TABLE IF NOT EXISTS loops (name TEXT PRIMARY KEY, steps TEXT, done INT, state BLOB, seal)")
        file.execute("CREATE TABLE IF NOT EXISTS keys (key TEXT)")
        if not file.execute("SELECT 1 FROM keys").fetchone():
            file.execute("INSERT INTO keys VALUES (?)", (self.key,))
        return file

    def _read(self) -> dict[str, int]:
        """Finished steps of every loop under this key; a file of another key, or a damaged one, is removed."""
        if not self.path.is_file():
            return {}
        try:
            with closing(sqlite3.connect(self.path)) as file:
                (key,) = file.execute("SELECT key FROM keys").fetchone()
                if key == self.key:
                    rows = file.execute("SELECT name, done FROM loops").fetchall()
                    return {str(name): done for name, done in rows if isinstance(done, int) and 0 <= done <= _MOST}
        except _UNREADABLE:
            pass
        forget(self.path)
        return {}


def is_of_another(path: Path, key: str) -> bool:
    """Whether a progress file can be read and its steps belong to another key: `storing_progress` would drop them."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(path)) as file:
            (own,) = file.execute("SELECT key FROM keys").fetchone()
    except _UNREADABLE:
        return False
    return own != key


def forget(path: Path) -> None:
    """Remove a progress file: its cell is finished."""
    for ending in ("", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


class _Level:
    """A nesting level that counts its loops: the cell itself, or a step of a loop."""

    def __init__(self, prefix: str):
        self.prefix, self.loops = prefix, 0


@contextmanager
def storing_progress(path: Path, key: str) -> Iterator[Progress]:
    """Store the finished steps of every `resumed` loop inside the context.

    Args:
        path: path of the file.
        key: everything the numbers depend on.
    """
    progress = Progress(path, key)
    token = _CURRENT.set(progress)
    try:
        yield progress
    finally:
        _CURRENT.reset(token)


def resumed(
    steps: Iterable[Any] | Callable[[], Iterable[Any]],
    state: Mapping[str, Any],
    *,
    skip: Callable[[Any], object] | None = None,
) -> Iterator[Any]:
    """Yield the unfinished steps of a loop, with the state after the finished ones restored.

    Args:
        steps: what the loop iterates over, the same at every call: batches, numbers, names; or a function that makes
            them, for a stream that should not become a list.
        state: everything the loop changes in place: arrays, tensors, random generators, lists of arrays, texts and
            numbers, and objects with `get_state` (to an array) and `set_state`.
        skip: called with each step that is already finished, for progress bars.

    Yields:
        The steps; a step counts as finished when the next one is requested.
    """
    progress, make = _CURRENT.get(), steps if callable(steps) else lambda: steps
    if progress is None:
        yield from make()
        return
    depth, level = len(progress.levels), progress.levels[-1]
    name, left, seen = f"{level.prefix}{level.loops}", iter(make()), hashlib.sha256()
    level.loops += 1
    done = 0
    for step in islice(left, progress.counts.get(name, 0)):
        done += 1
        seen.update(_described(step))
    if done and progress.load(name, seen.hexdigest(), state):
        for step in islice(make(), done):
            if skip:
                skip(step)
    elif done:  # the same loop over other steps, such as batches of another size
        done, left, seen = 0, iter(make()), hashlib.sha256()
    stored, since = done, time.monotonic()
    for step in left:
        progress.levels[depth:] = [_Level(f"{name}.{done}.")]
        try:
            yield step
        finally:
            del progress.levels[depth:]
        done += 1
        seen.update(_described(step))
        if time.monotonic() - since >= max(_LEAST, progress.cost / _SHARE):
            progress.store(name, seen.hexdigest(), done, state)
            stored, since = done, time.monotonic()
    if stored < done and time.monotonic() - since >= _LEAST:
        progress.store(name, seen.hexdigest(), done, state)


def _described(step: Any) -> bytes:
    """Identifies a step: a batch by its texts, a number or a text by itself."""
    if hasattr(step, "rows"):
        return json.dumps([list(map(int, step.rows)), list(getattr(step, "languages", ()))]).encode()
    return f"{step};".encode() if isinstance(step, str | int | float | np.integer) else b";"


def _seal(name: str, steps: str, done: int, blob: bytes) -> str:
    return hashlib.sha256(json.dumps([name, steps, done]).encode() + blob).hexdigest()


def _packed(state: Mapping[str, Any]) -> bytes:
    """Serialize a state: arrays as npz, everything else as JSON inside it."""
    arrays, plain = {}, {}
    for name, value in state.items():
        if isinstance(value, np.random.Generator):
            plain[name] = value.bit_generator.state
        elif isinstance(value, list):
            plain[name] = [_text(item) for item in value]
            arrays |= {f"{name}/{i}": _array(value[i]) for i, item in enumerate(plain[name]) if item is None}
        else:
            arrays[name] = _array(value)
    file = io.BytesIO()
    np.savez(file, **{"": np.array(json.dumps(plain)), **arrays})
    return file.getvalue()


def _unpacked(blob: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(blob), allow_pickle=False) as file:
        stored: dict[str, Any] = {name: file[name] for name in file.files}
    for name, value in json.loads(str(stored.pop(""))).items():
        if isinstance(value, list):
            items = [stored.pop(f"{name}/{i}") if item is None else item for i, item in enumerate(value)]
            value = [np.array(item, dtype=object) if isinstance(item, list) else item for item in items]
        stored[name] = value
    return stored


def _text(item: Any) -> Any:
    """JSON form of a list item: texts, numbers, and arrays of texts as lists; None for numeric arrays."""
    if isinstance(item, np.ndarray) and item.dtype == object:
        return item.tolist()
    return item if isinstance(item, str | int | float) else None


def _restored(state: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Restore all stored values in place; False, with nothing changed, if one does not match."""
    if set(state) != set(stored):
        return False
    for name, value in state.items():
        if hasattr(value, "shape") and tuple(value.shape) != stored[name].shape:
            return False
    for name, value in state.items():
        if isinstance(value, np.random.Generator):
            value.bit_generator.state = stored[name]
        elif isinstance(value, list):
            value[:] = stored[name]
        elif isinstance(value, np.ndarray):
            value[...] = stored[name]
        elif hasattr(value, "set_state"):
            now = value.get_state()
            value.set_state(now.new_tensor(stored[name]) if hasattr(now, "new_tensor") else stored[name])
        else:
            value.copy_(value.new_tensor(stored[name]))
    return True


def _array(value: Any) -> np.ndarray:
    """As an array: an array, a tensor (bfloat16 as float32, which is exact), or a generator's state."""
    value = value.get_state() if hasattr(value, "get_state") else value
    if not hasattr(value, "detach"):
        return np.asarray(value)
    value = value.detach().cpu()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
