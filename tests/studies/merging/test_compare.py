"""The study of merges: its cells and sections, what resumes, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file

import workbench as wb
from tests.merging import folders
from tests.models import save, tiny
from workbench.errors import BadArgument, BrokenModel
from workbench.merging.compare import compared
from workbench.studies import run_merge_compare
from workbench.studies.findings.merging import compare as findings

QUIET = wb.studies.Options(progress=False)
CUT = wb.studies.Options(progress=False, truncate=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    spoiled = folders.tuned(folders.BASE, tmp_path_factory.mktemp("study") / "spoiled.1", 1, size=0.3)
    return ["polyglot", "polyglot-aligned", str(spoiled)]


@pytest.fixture(scope="module")
def run(models, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "run"
    return run_merge_compare(models, out=out, languages="de,fr", limit=16, options=QUIET)


def test_the_results_are_those_of_the_library(models, run):
    task = wb.load_task("words", languages="de,fr", limit=16)
    made = wb.load_result(run / "compare.nc")
    expected = wb.merging.compare(
        dict(zip(["polyglot", "polyglot-aligned", "spoiled.1"], models, strict=True)), task, progress=False
    )
    assert made.drop_attrs().identical(expected.drop_attrs())


def test_the_report_has_findings_and_both_figures(run):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Which models answer better than polyglot, on the same items?" in page
    assert "In which languages are the answers of each model right?" in page
    assert "accuracy rises in 0 and falls in 2 of 4 cells (corrected)" in page


def test_a_second_run_measures_nothing_again(models, run, monkeypatch):
    monkeypatch.setattr("workbench.studies.merging.compare.accuracy", lambda *_, **__: 1 / 0)
    assert run_merge_compare(models, out=run, languages="de,fr", limit=16, options=QUIET) == run


def test_an_adapter_is_measured_again_once_its_base_has_changed(tmp_path):
    base, adapter = save("llama", tmp_path / "base"), tmp_path / "adapter"
    peft.get_peft_model(tiny("llama"), peft.LoraConfig(task_type="CAUSAL_LM")).save_pretrained(adapter)
    settings = json.loads((adapter / "adapter_config.json").read_text()) | {"base_model_name_or_path": "../base"}
    (adapter / "adapter_config.json").write_text(json.dumps(settings))
    how = {"out": tmp_path / "run", "languages": "de", "limit": 4, "options": CUT}
    for seed in (0, 1):
        save("llama", base, seed=seed)
        run = run_merge_compare(["polyglot", str(adapter)], **how)
        task = wb.load_task("words", languages="de", limit=4)
        expected = wb.evaluation.accuracy(wb.load_model(adapter), task, truncate=True, progress=False)
        assert wb.load_result(run / "1_adapter.nc").drop_attrs().identical(expected.drop_attrs()), seed


def test_pickled_weights_are_measured_where_they_are_allowed(tmp_path):
    folder = save("llama", tmp_path / "pickled")
    torch.save(load_file(folder / folders.WEIGHTS), folder / "pytorch_model.bin")
    (folder / folders.WEIGHTS).unlink()
    how = {"out": tmp_path / "run", "languages": "de", "limit": 4}
    with pytest.raises(BrokenModel, match="allow_pickle=True"):
        run_merge_compare(["polyglot", str(folder)], options=CUT, **how)
    run = run_merge_compare(["polyglot", str(folder)], options=replace(CUT, allow_pickle=True), **how)
    assert wb.load_result(run / "compare.nc").model.values.tolist() == ["polyglot", "pickled"]


def test_findings_follow_the_numbers(models, run):
    answers = [wb.load_result(path) for path in sorted(run.glob("[0-9]_*.nc"))]
    same = compared({"one": answers[0], "other": answers[0]})
    said = findings.changes(same)
    assert said.answer == "No change of the accuracy against one can be shown in any of 2 cells (corrected)."
    assert said.details == (
        "other: 0 points on average; no change is sure in any language (corrected p 0.05 or more).",
    )
    both = compared({"good": answers[0], "bad": answers[2]})
    assert findings.best(both).answer == "Right most often is good in German and French."
    table = findings.merge_table(both)
    assert table.loc["bad, German", "change"] == round(float(both.change[1, 0]), 3) < 0
    assert np.isnan(table.loc["good, German", "change"])


@pytest.mark.parametrize(
    ("given", "message"),
    [(["polyglot"], "give two or more"), (["polyglot", "polyglot"], "each with a name of its own")],
)
def test_one_model_or_one_twice_is_refused(given, message, tmp_path):
    with pytest.raises(BadArgument, match=message):
        run_merge_compare(given, out=tmp_path / "run", options=QUIET)


def test_a_missing_model_is_refused_before_any_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.studies.merging.compare.accuracy", lambda *_, **__: 1 / 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BrokenModel, match=r"has no config\.json"):
        run_merge_compare(["polyglot", str(tmp_path / "empty")], out=tmp_path / "run", options=QUIET)
