"""The command `workbench explore` on folders of results; no model is loaded."""

import numpy as np
import pytest

from tests.figures import explorer_cases as cases
from workbench.results.files import save_result


@pytest.fixture
def folder(tmp_path):
    """A run folder with two results, and one that an interrupt left."""
    rng = np.random.default_rng(0)
    save_result(cases.importance(rng), tmp_path / "run" / "importance_paper.nc")
    save_result(cases.roles(), tmp_path / "run" / "roles.nc")
    (tmp_path / "run" / "ablation.partial.nc").write_text("half a file")
    return tmp_path / "run"


def test_explore_writes_the_page_and_prints_its_path(run, folder, tmp_path):
    done = run("explore", folder)
    assert done.exit_code == 0 and done.stdout == f"{folder / 'explorer.html'}\n"
    done = run("explore", folder, "--out", tmp_path / "new" / "heads.html")
    assert done.stdout == f"{tmp_path / 'new' / 'heads.html'}\n"
    assert (folder / "explorer.html").read_bytes() == (tmp_path / "new" / "heads.html").read_bytes()


def test_folders_without_results_are_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no result files" in refused("explore", tmp_path / "empty")
    assert "is no folder" in refused("explore", tmp_path / "none")


def test_a_broken_result_is_named_and_the_old_page_stays(run, refused, folder):
    assert run("explore", folder).exit_code == 0
    before = (folder / "explorer.html").read_bytes()
    (folder / "roles.nc").write_bytes((folder / "roles.nc").read_bytes()[:500])
    assert refused("explore", folder).startswith("BadResult: ")
    assert (folder / "explorer.html").read_bytes() == before


def test_a_page_that_cannot_be_written(refused, folder):
    assert refused("explore", folder, "--out", folder / "roles.nc" / "page.html").startswith("CannotWrite: ")
