"""The study of Cypher queries: its cell equals the call, its grids, and an engine that is missing."""

import pytest

import workbench as wb
from workbench.errors import MissingExtra
from workbench.studies import run_cypher
from workbench.studies.evaluation import cypher as module

QUIET = wb.studies.Options(progress=False)


def missing():
    raise MissingExtra("ladybug is not installed")


def test_likelihood_alone_needs_no_engine_and_makes_two_grids(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "require_ladybug", missing)
    how = {"languages": "de,en", "limit": 4, "options": QUIET}
    folder = run_cypher("polyglot", out=tmp_path / "run", rank=True, no_write=True, **how)
    made = wb.load_result(folder / "cypher.nc")
    assert made.metric.values.tolist() == ["nll", "ranked"] and made.nll.shape == (2, 2, 4)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert (
        "Does the language of the prompt or of the question change how often the right query is the likeliest?" in page
    )
    assert "Does the language of the prompt or of the question change the loss of the right query?" in page
    assert "--rank --no-write" in page


def test_an_engine_that_is_missing_is_named_before_the_model_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "require_ladybug", missing)
    monkeypatch.setattr(module, "open_model", None)
    with pytest.raises(MissingExtra, match="ladybug"):
        run_cypher("polyglot", out=tmp_path / "run", options=QUIET)


def test_what_is_written_is_compared_as_text_where_it_is_not_run(tmp_path):
    folder = run_cypher("polyglot", languages="de,en", limit=2, tokens=4, no_execute=True, out=tmp_path, options=QUIET)
    made = wb.load_result(folder / "cypher.nc")
    assert "executed" not in made and {"exact", "rouge_l"} <= set(made.metric.values)
    assert "of the written queries are the right one" in (folder / "report.html").read_text(encoding="utf-8")
