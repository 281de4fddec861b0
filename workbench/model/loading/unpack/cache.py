"""The cache of unpacked models: a folder is written completely or not at all."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.cache import cache_folder
from workbench.errors import CannotWrite, UnknownModel

_MANIFEST = "unpacked.json"
_FORMAT = "unpacked-1"  # increase when the content of a folder changes


def manifest(folder: Path) -> dict[str, Any] | None:
    """What was written when the folder was unpacked; None where it was not, or where a file has changed its size."""
    try:
        stored = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in stored["files"].items())
    except (OSError, ValueError, KeyError):
        return None
    return stored if whole else None


def cached(key: str, build: Callable[[Path], dict[str, Any]], *, name: str) -> Path:
    """The folder of a key; built where it is not there yet.

    Two processes that want the same folder wait for each other, and the second uses what the first has built. What an
    interrupted process left is removed.

    Args:
        key: name of the folder within the cache.
        build: fills an empty folder and returns the content of its manifest.
        name: of the model, for messages.

    Raises:
        CannotWrite: the cache is read-only, or full.
        UnknownModel: the package filelock is not installed.
    """
    folder = cache_folder() / _FORMAT / key
    if manifest(folder):
        return folder
    try:
        from filelock import FileLock
    except ImportError as error:
        raise UnknownModel(
            f"{name!r} is unpacked with filelock; pip install 'babel-workbench[real]' brings it"
        ) from error
    partial = folder.with_name(f".{key}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{key}.lock")):
            if not manifest(folder):
                _write(folder, partial, build)
    except OSError as error:
        raise CannotWrite(
            f"{name!r} cannot be unpacked into {folder.parent}: {error.strerror or error}; "
            "BABEL_WORKBENCH_CACHE names another folder"
        ) from error
    return folder


def check_space(folder: Path, need: int, name: str) -> None:
    """Refuse to write what does not fit.

    Raises:
        CannotWrite: fewer than `need` bytes are free where the folder lies.
    """
    free = shutil.disk_usage(folder).free
    if need > free:
        raise CannotWrite(
            f"{name!r} takes {need / 2**30:.1f} GiB when it is unpacked into {folder.parent}; "
            f"{free / 2**30:.1f} GiB are free; BABEL_WORKBENCH_CACHE names another folder"
        )


def _write(folder: Path, partial: Path, build: Callable[[Path], dict[str, Any]]) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        stored = build(partial)
        for file in partial.iterdir():
            shutil.copymode(partial / "config.json", file)  # safetensors are written for their owner alone
        files = {file.name: file.stat().st_size for file in sorted(partial.iterdir())}
        text = json.dumps(stored | {"files": files}, indent=2, ensure_ascii=False)
        (partial / _MANIFEST).write_text(text + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # a file of it was removed or cut short
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
