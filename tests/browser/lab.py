"""JupyterLab itself, on a free port and with nothing of its user's, for a browser to open notebooks in."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SERVER = {
    "ServerApp": {"port": 0, "open_browser": False, "allow_root": True, "terminals_enabled": False},
    "LabApp": {"news_url": None, "extension_manager": "readonly", "expose_app_in_browser": True},
}
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of view are on the page too
}
# Where JupyterLab and IPython keep what they know of their user, under the folder that is given.
_FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}


@dataclass(frozen=True)
class Lab:
    """A running server: its address, and the token that opens it."""

    url: str
    token: str

    def notebook(self, name: str) -> str:
        """Address of a notebook that fills the page."""
        return f"{self.url}doc/tree/{name}?token={self.token}"


@contextmanager
def jupyter_lab(home: Path, books: Path, *, patience: float) -> Iterator[Lab]:
    """Run `jupyter lab` on a folder of notebooks; it stops, with its kernels, when the block is left.

    Args:
        home: an empty folder for settings, state and the log.
        books: what it serves.
        patience: seconds that it may take to start, and to stop.
    """
    for name, values in _SETTINGS.items():
        _write(home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings", values)
    _write(home / "config" / "jupyter_server_config.json", _SERVER)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", **{key: str(home / name) for key, name in _FOLDERS.items()}}
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={books}"]
    with (home / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield _wait(home, server, patience)
    finally:
        server.terminate()
        server.wait(patience)


def _write(path: Path, values: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def _wait(home: Path, server: subprocess.Popen, patience: float) -> Lab:
    """The server writes its address down when it listens."""
    written = home / "runtime" / f"jpserver-{server.pid}.json"
    end = time.monotonic() + patience
    while server.poll() is None and time.monotonic() < end:
        if written.exists() and written.stat().st_size:
            about = json.loads(written.read_text(encoding="utf-8"))
            return Lab(about["url"], about["token"])
        time.sleep(0.1)
    log = (home / "log.txt").read_text(encoding="utf-8", errors="replace")
    raise AssertionError(f"jupyter lab did not start in {patience:.0f} s; its log ends in\n{log[-3000:]}")
