"""One run at a time in a folder: a lock that the system gives up when the process ends, however it ends."""

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

from workbench.errors import CannotWrite

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FILE = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder, made where it lacks, against other runs; nothing stays in it.

    Raises:
        CannotWrite: it cannot be written into, or another run does that; names the command, process and start.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _taken(folder / FILE)
    except BlockingIOError:
        owner = _owner(folder / FILE)
        raise CannotWrite(
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


def _taken(path: Path) -> IO[str]:
    """The lock file, open and locked.

    Raises:
        BlockingIOError: another process has it.
    """
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
        file.close()  # its owner has ended and removed it since it was opened


def hold(file: IO[bytes]) -> None:
    """Mark an open file as in use until it is closed or the process ends."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_free(path: Path) -> bool:
    """Whether no process uses a file, as far as the system can tell."""
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
    return "its command is not known"
