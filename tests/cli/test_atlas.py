"""`workbench atlas`: lists, shows, compares, adds and checks."""

import pandas as pd

from tests.atlas.cases import atlas, changed_number, studied


def test_list_and_show(run, tmp_path):
    done = run("atlas", "list", "--atlas", atlas(), "--table", "t.tsv")
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "t.tsv", sep="\t", index_col="model")
    assert {"polyglot", "tiny"} <= set(rows.index) and rows.loc["tiny", "licence"] == "Apache-2.0"
    shown = run("atlas", "show", "tiny", "--atlas", atlas(), "--page", "p.html")
    assert "heads/ablation" in shown.stdout and shown.stdout.splitlines()[-1] == "p.html"
    assert (tmp_path / "p.html").stat().st_size > 1e6
    assert "delta" in run("atlas", "show", "tiny", "ablation", "--atlas", atlas()).stdout


def test_compare_prints_claims_and_sentences(run, tmp_path):
    done = run("atlas", "compare", "polyglot", "polyglot-aligned", "--table", "claims.tsv", "--page", "all.html")
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "claims.tsv", sep="\t")
    assert set(rows.model) == {"polyglot", "polyglot-aligned"}
    assert set(rows.verdict) <= {"holds", "does not hold", "undecided", "not measured"}
    assert any("of 2 models" in line for line in done.stdout.splitlines())
    assert (tmp_path / "all.html").is_file()


def test_add_and_check(run, tmp_path):
    folder, study = studied()
    done = run("atlas", "add", folder, study, "--licence", "MIT", "--atlas", "mine")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "mine/tiny"
    checked = run("atlas", "check", "tiny", "--atlas", "mine", "--no-measure")
    assert checked.exit_code == 0 and checked.stdout.splitlines()[-1] == "every entry is whole"


def test_what_cannot_be_made_again_fails(refused, run, tmp_path):
    folder = changed_number(tmp_path)
    assert "cannot be made again: tiny heads/ablation (delta)" in refused("atlas", "check", "tiny", "--atlas", folder)


def test_refused(refused):
    assert "model='nobody'; the atlas has" in refused("atlas", "show", "nobody")
    assert "is no folder" in refused("atlas", "list", "--atlas", "nowhere")
