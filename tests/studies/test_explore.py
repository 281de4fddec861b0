"""Which sentences a run's explorer shows, and that it is there without them."""

import numpy as np
import pytest

from tests.figures import explorer_cases as cases
from tests.heads.cases import model
from workbench.errors import BadArgument
from workbench.results.files import save_result
from workbench.studies import explore
from workbench.studies.analysis import compute_cells
from workbench.studies.options import Options
from workbench.studies.runs import open_run
from workbench.text.corpus import Corpus

OPTIONS = Options(progress=False)
TEXTS = ("b" * 50, "a" * 9, "c" * 120, "d" * 20, "e" * 40, "f" * 30)  # a token a byte, and BOS


def corpus(*texts):
    return Corpus({"de": texts, "fr": tuple(text[:5] for text in texts)}, True, "test")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(TEXTS, [1, 3, 5]), (TEXTS[:4], [0, 1, 3]), (TEXTS[:3], [0, 1]), (TEXTS[2:3], [])],
    ids=["the first that are short", "then the shortest", "never a long one", "perhaps none"],
)
def test_sentences_are_short(rows, expected):
    assert explore.readable(model("llama"), corpus(*rows), OPTIONS) == expected


def test_a_page_holds_so_many(monkeypatch):
    monkeypatch.setattr(explore, "_BYTES", 2 * 3 * 4 * (10**2 + 21**2) / 2)
    assert explore.readable(model("llama"), corpus(*TEXTS), OPTIONS) == [1, 3]


def test_long_texts_make_an_explorer_without_patterns(tmp_path):
    run = open_run(tmp_path)
    compute_cells(run, explore.attention_cells(model("llama"), corpus(*TEXTS[2:3] * 2), OPTIONS))
    page = explore.write_explorer(run)
    assert run.finished == ["kinds"] and page == tmp_path / "explorer.html"
    assert "wb.heads.patterns(model, corpus) gives it" in page.read_text(encoding="utf-8")


def test_an_explorer_holds_this_run_and_no_older_one(tmp_path):
    save_result(cases.importance(np.random.default_rng(0)), tmp_path / "left.nc")  # of another model
    run = open_run(tmp_path)
    compute_cells(run, explore.attention_cells(model("llama"), corpus(*TEXTS), OPTIONS))
    explore.write_explorer(run)
    with pytest.raises(BadArgument, match="2 models"):
        explore.explore(tmp_path)


def test_a_model_without_patterns(tmp_path, monkeypatch):
    monkeypatch.setitem(model("llama").abilities, "pattern", False)
    run = open_run(tmp_path)
    run.cell("roles", {}, cases.roles)
    assert explore.attention_cells(model("llama"), corpus(*TEXTS), OPTIONS) == []
    explore.write_explorer(run)
    assert run.finished == ["roles"]
