"""The cache folder: unpacked models, results of load checks, file hashes."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The cache folder: `BABEL_WORKBENCH_CACHE`, else `babel-workbench` in `XDG_CACHE_HOME`, else in `~/.cache`."""
    chosen = os.environ.get("BABEL_WORKBENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "babel-workbench"
