"""The commands `workbench heads search` and `heads kinds`: their tables are the functions' numbers."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import workbench as wb
from tests.heads.cases import TEXTS, corpus, model
from tests.models import save
from workbench.cli import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command on a tiny Llama and the small texts; its table."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "texts"
    folder.mkdir()
    for language, texts in TEXTS.items():
        (folder / f"{language}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    name = save("llama", tmp_path / "tiny")

    def table(command, *options):
        words = ["heads", command, name, folder, *options, "--table", "table.tsv", "--quiet"]
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return pd.read_csv("table.tsv", sep="\t")

    return table


def test_search(run):
    table = run("search", "--top", "3", "--confidence", "0.9", "--languages", "de,ja")
    found = wb.heads.search(
        model("llama"), corpus({"de": TEXTS["de"], "ja": TEXTS["ja"]}), top=3, confidence=0.9, progress=False
    )
    assert table.language.tolist() == ["de"] * 3 + ["ja"] * 3
    for language in ("de", "ja"):
        rows = table[table.language == language]
        expected = found["mean"].sel(language=language).where(found.member.sel(language=language))
        np.testing.assert_allclose(rows["mean"], np.sort(expected.values[~np.isnan(expected)])[::-1], atol=1e-4)


def test_kinds(run):
    table = run("kinds").set_index(["language", "layer", "head"])
    found = wb.heads.kinds(model("llama"), corpus(), progress=False)
    for name in ("previous", "first", "current", "same", "induction", "entropy", "distance"):
        expected = found[name].to_dataframe()[name]
        np.testing.assert_allclose(table[name].reindex(expected.index), expected, atol=1e-4)
