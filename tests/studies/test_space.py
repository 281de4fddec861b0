"""A run on a full disk stops before anything is computed."""

import shutil
from types import SimpleNamespace

import pytest

from workbench.errors import CannotWrite
from workbench.studies.runs import open_run


def test_a_nearly_full_disk_is_seen_before_the_first_cell(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=3 * 2**20))
    with pytest.raises(CannotWrite, match=r"takes at least 32 MiB, and 3\.0 MiB are free there; free some space"):
        open_run(tmp_path / "run")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**25))
    assert open_run(tmp_path / "run").folder == tmp_path / "run"
    assert list((tmp_path / "run").iterdir()) == []
