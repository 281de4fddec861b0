"""The tables of studies of heads: their numbers are the functions', on the halves of the texts that they name."""

import importlib
import json

import numpy as np
import pytest

import workbench as wb
from tests.heads.cases import TEXTS, corpus, model
from workbench.errors import BadArgument, BadPairs, UnknownLanguage
from workbench.heads.groups import read_heads
from workbench.results.files import load_result
from workbench.studies.findings import search as of_scores
from workbench.studies.findings import use as of_use
from workbench.studies.heads import removal, search, use
from workbench.studies.options import Options

OPTIONS = Options(progress=False, seed=3)
MORE = {language: tuple(f"{text} {i}" for text in rows for i in "ab") for language, rows in TEXTS.items()}


def test_knockout_chooses_on_one_half_and_measures_on_the_other(tmp_path):
    texts = corpus(MORE)
    out = removal.run_head_knockout(model("llama"), texts, out=tmp_path, share=0.2, controls=2, options=OPTIONS)
    measured = load_result(out / "knockout.nc")
    table = removal.knockout_table(measured)
    scores = wb.heads.importance(model("llama"), texts.split("train"), progress=False)
    found = wb.heads.knockout(
        model("llama"), texts.split("test"), wb.heads.top(scores, share=0.2), controls=2, seed=3, progress=False
    )
    table = table.set_index(["group", "language"])
    for name in ("delta", "excess", "p_value", "control_high"):
        expected = found[name].to_dataframe()[name]
        np.testing.assert_allclose(table[name].reindex(expected.index), expected, atol=1e-4)
    assert measured.attrs["diagonal"] == pytest.approx(found.attrs["diagonal"])


def test_prune_is_the_held_out_curve(tmp_path):
    options = {"keep": "de", "drop": "ja", "budget": 0.05}
    out = removal.run_prune(model("llama"), corpus(MORE), out=tmp_path, options=OPTIONS, **options)
    table = removal.prune_table(load_result(out / "prune.nc"))
    found = wb.heads.prune(model("llama"), corpus(MORE), seed=3, progress=False, **options)
    expected = found.rise.to_dataframe().rise
    table = table.set_index(["order", "removed", "language"]).rise
    np.testing.assert_allclose(table.reindex(expected.index), expected, atol=1e-4)


def test_agreement_and_shapley(tmp_path):
    texts = corpus({"de": TEXTS["de"], "en": TEXTS["en"]})
    out = search.run_agreement(model("llama"), texts, out=tmp_path, methods="zero,lahis,random", options=OPTIONS)
    measured = load_result(out / "agreement.nc")
    table = of_scores.agreement_table(measured, "zero")
    found = wb.heads.agreement(model("llama"), texts, methods=("zero", "lahis", "random"), seed=3, progress=False)
    assert table.score.tolist() == ["lahis", "random"] and measured.attrs["chance"] == found.attrs["chance"]
    expected = found.mean_correlation.sel(other="zero", score=["lahis", "random"])
    np.testing.assert_allclose(table.correlation, expected, atol=1e-4)
    with pytest.raises(BadArgument, match="'mean' is not among the methods"):
        search.run_agreement(
            model("llama"), texts, out=tmp_path, methods="zero,lahis", reference="mean", options=OPTIONS
        )
    out = search.run_shapley(
        model("llama"), texts, out=tmp_path / "shares", permutations=2, tolerance=0.5, options=OPTIONS
    )
    table = search.shapley_table(load_result(out / "shapley.nc"))
    found = wb.heads.shapley(model("llama"), texts, permutations=2, tolerance=0.5, seed=3, progress=False)
    assert table.language.tolist() == ["de"] * 12 + ["en"] * 12
    values = found.value.sel(language="en").values.ravel()
    np.testing.assert_allclose(table.value[12:], np.sort(values)[::-1], atol=1e-4)


def test_a_trained_mask(tmp_path):
    tasks = [{"prompt": f"{word}: ", "answer": word[::-1]} for word in ("ab", "cd", "ef", "gh", "ij", "kl")]
    path = tmp_path / "tasks.jsonl"
    path.write_text("\n".join(map(json.dumps, tasks)), encoding="utf-8")
    options = {"epochs": 1, "controls": 1}
    how = {"out": tmp_path / "run", "mask": tmp_path / "mask.json", "options": OPTIONS, **options}
    out = use.run_tune_mask(model("llama"), path, heads="L0H1,L2H3", **how)
    table = of_use.tuned_table(load_result(out / "tune_mask.nc"))
    found = wb.heads.tune_mask(model("llama"), tasks, heads=[(0, 1), (2, 3)], seed=3, progress=False, **options)
    assert table.condition.tolist() == ["none", "tuned", "random"]
    np.testing.assert_allclose(table.loss, found.loss, atol=1e-4)
    np.testing.assert_allclose(table.saved, [float(found.saved[0]), np.nan, float(found.saved[1])], atol=1e-4)
    mask = wb.heads.load_mask(model("llama"), tmp_path / "mask.json")
    np.testing.assert_allclose(mask, found["mask"], atol=1e-6)


def test_two_facts_in_two_languages(tmp_path):
    asked = [{"prompt": f"{a} {b}", "own": f" {a}", "other": f" {b}"} for a, b in (("rot", "blue"), ("drei", "two"))]
    path = tmp_path / "facts.jsonl"
    path.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    how = {"out": tmp_path / "run", "options": OPTIONS}
    out = use.run_transfer(model("llama"), path, heads="de", corpus=corpus(), share=0.2, scales="0", controls=1, **how)
    table = of_use.transfer_table(load_result(out / "transfer.nc"))
    scores = wb.heads.importance(model("llama"), corpus().split("train").select("de"), progress=False)
    chosen = wb.heads.top(scores, share=0.2)["de"]
    found = wb.heads.transfer(model("llama"), asked, heads=chosen, scales=(0.0,), controls=1, seed=3, progress=False)
    np.testing.assert_allclose(table.preference, found.preference, atol=1e-4)
    with pytest.raises(BadArgument, match="scales='three'"):
        use.run_transfer(model("llama"), path, heads="L0H0", scales="three", **how)
    path.write_text("no", encoding="utf-8")
    with pytest.raises(BadPairs, match="not JSON"):
        use.run_transfer(model("llama"), path, heads="L0H0", **how)


def test_the_language_of_what_is_written(tmp_path, monkeypatch):
    room = importlib.import_module("workbench.heads.use.off_target")  # the package's `off_target` is the function
    monkeypatch.setattr(room, "by_lingua", lambda codes: lambda text: [*codes, None][len(text) % 3])
    options = {"tokens": 3, "controls": 2, "prompt": 4}
    how = {"out": tmp_path, "languages": "de,en", "options": OPTIONS, **options}
    measured = load_result(use.run_off_target(model("llama"), corpus(MORE), heads="L1H1", **how) / "off_target.nc")
    table = of_use.off_target_table(measured)
    texts = corpus(MORE).select("de,en").split("test")
    found = wb.heads.off_target(model("llama"), texts, [(1, 1)], seed=3, progress=False, **options)
    assert table.language.tolist() == table.wanted.tolist() == ["de", "en"]
    for condition in ("whole", "scaled", "random"):
        np.testing.assert_allclose(table[condition], found.share.sel(condition=condition), atol=1e-4)
    lost = [
        sum(len(text) % 3 == 2 for text in row if text) for row in found.text.sel(condition="scaled").values.tolist()
    ]
    assert table.unidentified.tolist() == lost
    assert measured.attrs["beyond"] == found.attrs["beyond"]


def test_heads_are_named_one_by_one_or_by_language():
    chosen = use.choose_heads(model("llama"), " l0h1, L2H3", corpus(), 0.5, OPTIONS)
    assert (chosen == read_heads([(0, 1), (2, 3)], 3, 4)).all()
    assert use.choose_heads(model("llama"), "de", corpus(), 0.25, OPTIONS).sum() == 3
    for heads, error, says in (
        ("2-1", BadArgument, "name them, as in L2H1,L4H0"),
        ("L0H4", BadArgument, "head 4 of layer 0 does not exist"),
        ("fr", UnknownLanguage, "has: de, en, ja"),
    ):
        with pytest.raises(error, match=says):
            use.choose_heads(model("llama"), heads, corpus(), 0.1, OPTIONS)
