"""One run at a time in a folder, whatever becomes of the one before."""

import os
import signal
import subprocess
import sys
import time

import pytest

from workbench.errors import CannotWrite
from workbench.results.files import remove_partial, write_whole
from workbench.results.resuming.lock import FILE, locked

HOLD = """
import sys, time
from pathlib import Path
from workbench.results.resuming.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that has the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_refused_and_names_the_first(tmp_path, other):
    refusal = rf"another run is writing into .*process {other.pid} on .* since 20"
    with pytest.raises(CannotWrite, match=refusal), locked(tmp_path):
        pass


def test_a_killed_run_gives_the_folder_free(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    with locked(tmp_path):
        assert (tmp_path / FILE).is_file()
    assert list(tmp_path.iterdir()) == []


def test_one_run_after_the_other(tmp_path):
    for _ in range(3):
        with locked(tmp_path / "new"), pytest.raises(CannotWrite), locked(tmp_path / "new"):
            pass


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite), locked(tmp_path / "file"):
        pass


WRITE = """
import os, sys, time
from workbench.results import files
files.os.fsync = lambda number: (print("writing", flush=True), time.sleep(60))
files.write_whole(sys.argv[1], b"x" * 100)
"""


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(tmp_path):
    path = tmp_path / "a.nc"
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    (partial,) = tmp_path.iterdir()
    remove_partial(tmp_path)
    assert partial.exists()
    process.kill()
    process.wait()
    remove_partial(tmp_path, age=60)
    assert partial.exists()  # it may be about to be locked
    os.utime(partial, (time.time() - 3600,) * 2)
    write_whole(path, b"whole")
    assert [one.name for one in tmp_path.iterdir()] == ["a.nc"]
