"""Whether a run has enough space on its disk, checked before anything is computed."""

import shutil
from pathlib import Path

from workbench.errors import CannotWrite

_NEED = 2**25  # bytes: a page with plotly.js takes 5 MB, a cell from some kilobytes to some megabytes


def check_space(folder: Path) -> None:
    """Refuse a disk on which not even a small run fits: what is computed could not be saved.

    Raises:
        CannotWrite: says how much is free.
    """
    free = shutil.disk_usage(folder).free
    if free < _NEED:
        raise CannotWrite(
            f"a run in {folder} takes at least {_NEED // 2**20} MiB, and {free / 2**20:.1f} MiB are free there; free "
            "some space, or choose another folder"
        )
