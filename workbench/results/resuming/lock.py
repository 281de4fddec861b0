"""One run at a time per folder: a file lock that the system releases when the process ends."""

import datetime
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from workbench.errors import Busy, CannotWrite

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FILE = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder against other runs; a missing folder is created, and the lock file is removed at the end.

    Raises:
        CannotWrite: the folder is not writable.
        Busy: another run is writing into it; names its command, process and start.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked_file(folder / FILE)
    except BlockingIOError:
        owner = _owner(folder / FILE)
        raise Busy(
            f"another run is writing into {folder} ({owner}); wait until it has ended, or choose another folder"
        ) from None
    except OSError as error:
        raise CannotWrite(f"cannot write into {folder}: {error.strerror or error}; choose another folder") from error
    with file:
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        file.write(json.dumps({"command": command, "process": os.getpid(), "host": platform.node(), "since": now}))
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / FILE).unlink()


def _locked_file(path: Path) -> IO[str]:
    """Open and lock the lock file; a BlockingIOError where another process has locked it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)  # a link would lead out of the folder
    while True:
        file = os.fdopen(os.open(path, flags, 0o644), "r+", encoding="utf-8")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                raise
            except OSError:  # a file system without locks
                return file
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                return file
        file.close()  # its owner ended and removed it after we opened it


def mark_in_use(file: IO[bytes]) -> None:
    """Mark an open file as in use until it is closed or the process ends."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_free(path: Path) -> bool:
    """Whether no process has marked a file as in use, as far as the system can tell."""
    if fcntl is None:
        return True
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _owner(path: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        owner = json.loads(path.read_text(encoding="utf-8"))
        return f"{owner['command']}, process {owner['process']} on {owner['host']} since {owner['since']}"
    return "unknown command"
