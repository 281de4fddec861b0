"""A folder that is written whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import CannotWrite


def check_target(out: str | Path, size: int) -> None:
    """Refuse a target that cannot be written, before what is written there is computed; nothing is changed.

    Args:
        out: the target.
        size: bytes that will be written, about.

    Raises:
        CannotWrite: the target has files, the space is too small, or the system refuses.
    """
    out = Path(out)
    with _refusals(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CannotWrite(f"{out} is there already, and nothing is overwritten; choose another folder")
        above = next(folder for folder in out.absolute().parents if folder.exists())
        free = shutil.disk_usage(above).free
        if size > free:
            raise CannotWrite(
                f"cannot write {out}: it takes {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free"
            )
        tempfile.TemporaryDirectory(dir=above, prefix=f".{out.name}-").cleanup()


@contextmanager
def whole_folder(out: str | Path, size: int) -> Iterator[Path]:
    """A new folder beside the target, which becomes the target when the block ends without an error.

    Args:
        out: the target.
        size: bytes that will be written, about.

    Raises:
        CannotWrite: as `check_target`, or the system refuses.
    """
    check_target(out, size)
    out = Path(out)
    temporary = None
    try:
        with _refusals(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
            yield temporary
            for path in temporary.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o644)
            temporary.chmod(0o755)
            os.replace(temporary, out)  # noqa: PTH105 - an empty folder may be replaced
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _refusals(out: Path) -> Iterator[None]:
    """Say what the system refused.

    Raises:
        CannotWrite: it did.
    """
    try:
        yield
    except OSError as error:
        help_ = "free some space, or" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make it writable, or"
        raise CannotWrite(
            f"cannot write {out}: {error.strerror or error}; nothing was changed; {help_} choose another folder"
        ) from error
