"""`workbench report` makes a report of a run folder alone."""

import sys

import numpy as np
import pytest

from workbench.figures import heatmap
from workbench.results.make import make_result
from workbench.studies.findings.finding import Finding
from workbench.studies.report import write_report
from workbench.studies.sections import drawing, section


@pytest.fixture
def folder(tmp_path):
    """A run folder with a report of one section."""
    values = np.arange(12.0).reshape(2, 2, 3)
    result = make_result(
        {"importance": (("language", "layer", "head"), values, "importance [nats]")},
        {"language": ["de", "ja"]},
        method="heads.importance",
        parameters={},
    )
    shown = drawing(heatmap, result, "importance")
    part = section("importance_paper", result, shown, reading="Bright is much.", finding=Finding("So."))
    write_report(tmp_path / "run", title="A run", sections=[part])
    return tmp_path / "run"


def test_the_page_is_made_again_where_it_is_wanted(run, folder, tmp_path):
    (folder / "report.html").unlink()
    done = run("report", folder)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [str(folder / "report.html")]
    assert "<h1>A run</h1>" in (folder / "report.html").read_text(encoding="utf-8")
    run("report", folder, "--out", tmp_path / "site" / "index.html")
    assert 'href="./../run/importance_paper.nc"' not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert 'href="../run/importance_paper.nc"' in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_what_cannot_be_made_is_refused_in_a_line(refused, folder, tmp_path, monkeypatch):
    assert "no form 'docx'" in refused("report", folder, "--format", "docx")
    assert "no run folder" in refused("report", tmp_path / "none")
    (tmp_path / "old").mkdir()
    assert "has no report.json" in refused("report", tmp_path / "old")
    monkeypatch.setitem(sys.modules, "kaleido", None)
    assert "babel-workbench[docs]" in refused("report", folder, "--format", "pdf-ready")
