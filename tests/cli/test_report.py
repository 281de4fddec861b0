"""`workbench report` makes a report of a run folder alone."""

import re
import sys

import numpy as np
import pandas as pd
import pytest

from workbench.figures import heatmap
from workbench.results.make import make_result
from workbench.studies.findings.finding import Finding
from workbench.studies.report import write_report
from workbench.studies.sections import drawing, section


@pytest.fixture
def result():
    values = np.arange(12.0).reshape(2, 2, 3)
    return make_result(
        {"importance": (("language", "layer", "head"), values, "importance [nats]")},
        {"language": ["de", "ja"]},
        method="heads.importance",
        parameters={},
    )


@pytest.fixture
def folder(tmp_path, result):
    """A run folder with a report of one section."""
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
    assert "no kind 'eps'" in refused("report", folder, "--figures", "eps")
    assert "width='wide'" in refused("report", folder, "--figures", "svg", "--width", "wide")
    assert "no run folder" in refused("report", tmp_path / "none")
    (tmp_path / "old").mkdir()
    assert "has no report.json" in refused("report", tmp_path / "old")
    monkeypatch.setitem(sys.modules, "kaleido", None)
    for options in (("--format", "pdf-ready"), ("--figures", "pdf")):
        assert "babel-workbench[docs]" in refused("report", folder, *options)


@pytest.mark.browser
def test_figures_and_tables_are_written_for_a_paper(run, folder, result):
    table = pd.DataFrame({"share_of 100%": [0.123456, np.nan], "kind": ["a & b", "c"]}, index=["de", "ja"])
    shown = drawing(heatmap, result, "importance")
    part = section("roles", result, shown, reading="So.", finding=Finding("50% of it."), table=table)
    write_report(folder, title="A run", sections=[part])
    done = run("report", folder, "--figures", "svg", "--width", "120")
    assert done.exit_code == 0, done.output
    home = folder / "figures"
    names = ["01-roles.svg", "01-roles.csv", "01-roles.tex", "captions.tex"]
    assert done.stdout.splitlines() == [str(home / name) for name in names]
    assert re.match(r'<svg[^>]* width="120mm"', (home / names[0]).read_text(encoding="utf-8"))
    pd.testing.assert_frame_equal(pd.read_csv(home / names[1], index_col=0), table)
    lines = (home / names[2]).read_text(encoding="utf-8").splitlines()
    assert lines[3:-2] == [
        r"\begin{tabular}{lrl}",
        r"\toprule",
        r" & share\_of 100\% & kind \\",
        r"\midrule",
        r"de & 0.1235 & a \& b \\",
        r"ja & -- & c \\",
        r"\bottomrule",
    ]
    caption = (home / names[3]).read_text(encoding="utf-8")
    assert r"\includegraphics{01-roles}" in caption
    assert r"\caption{Which attention heads matter for each language? 50\% of it. Colour: importance [nats]" in caption
