"""A folder is there as a whole, or not at all."""

import pytest

from workbench.errors import CannotWrite
from workbench.results.writing.whole_folder import whole_folder


def test_it_appears_when_the_block_ends(tmp_path):
    out = tmp_path / "new" / "folder"
    with whole_folder(out, 10) as partial:
        (partial / "inside").mkdir()
        (partial / "inside" / "file").write_text("x")
        assert not out.exists()
    assert (out / "inside" / "file").read_text() == "x"
    assert [path.name for path in out.parent.iterdir()] == ["folder"]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="stop"), whole_folder(tmp_path / "folder", 10) as partial:
        (partial / "file").write_text("x")
        raise ValueError("stop")
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    with pytest.raises(CannotWrite, match="nothing is overwritten"), whole_folder(tmp_path / "folder", 10):
        pass
