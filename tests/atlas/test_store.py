"""What is in an atlas, and what is loaded from it."""

import json

import numpy as np
import pytest

import workbench as wb
from tests.atlas.cases import atlas, copied, rewritten, studied
from workbench.atlas.entry import Entry
from workbench.errors import BadArgument, BadResult


def test_own_entries_stand_beside_the_shipped_ones():
    shipped = wb.atlas.models()
    assert {"polyglot", "polyglot-aligned"} <= set(shipped)
    assert wb.atlas.models(atlas()) == sorted([*shipped, "tiny"])
    assert wb.atlas.entry("polyglot-base").model == "polyglot", "an alias is the same model"


def test_a_loaded_result_is_the_one_of_the_study_in_float32():
    run, _ = studied()
    whole = wb.load_result(run / "tiny" / "heads" / "ablation.nc")
    for name in ("heads/ablation", "ablation"):
        mine = wb.atlas.load("tiny", name, folder=atlas())
        assert mine.delta.dtype == np.float32 and mine.attrs["provenance"] == whole.attrs["provenance"]
        np.testing.assert_array_equal(mine.delta, whole.delta.astype(np.float32))
    wb.figures.heatmap(mine, "delta")


def test_results_are_read_when_they_are_used_and_once(monkeypatch):
    read, load = [], Entry.load
    monkeypatch.setattr(Entry, "load", lambda own, name: read.append(name) or load(own, name))
    (own,) = wb.atlas.results("tiny", folder=atlas()).values()
    assert "heads/ablation" in own and "heads/nothing" not in own and own.get("heads/nothing") is None
    assert len(own) == len(list(own)) and not read
    assert own["heads/ablation"] is own["heads/ablation"]
    assert read == ["heads/ablation"]
    assert {**own}.keys() == set(wb.atlas.entry("tiny", folder=atlas()).results)


def test_the_overview_and_the_contents_count_what_is_there():
    rows = wb.atlas.overview(atlas())
    assert rows.loc["tiny", "results"] == len(wb.atlas.contents("tiny", folder=atlas()))
    assert wb.atlas.contents("tiny", folder=atlas()).loc["heads/ablation", "axes"].startswith("language 3, layer 3")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wb.atlas.load("nobody", "ablation"), r"model='nobody'; the atlas has: .*polyglot"),
        (lambda: wb.atlas.load("polyglot", "lens"), r"polyglot has several of this name \(has: lens-de-fr/lens, "),
        (lambda: wb.atlas.load("polyglot", "nothing"), "polyglot has none of this name .*heads/ablation"),
        (lambda: wb.atlas.models("nowhere"), "folder='nowhere' is no folder"),
        (lambda: wb.atlas.check(["polyglot", "polyglot"]), "each once"),
        (lambda: wb.atlas.check("polyglot", share=0.0), "share=0.0; give a finite number above 0"),
    ],
)
def test_what_is_not_there_is_refused(call, message):
    with pytest.raises(BadArgument, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: {**record, "format": 2}, "has the format 2, this workbench reads 1"),
        (lambda record: {name: part for name, part in record.items() if name != "format"}, "it has no 'format'"),
        (lambda record: {name: part for name, part in record.items() if name != "licence"}, "lacks licence"),
        (lambda record: [record], "it has no 'format'"),
        (lambda record: {**record, "model": "tiny"}, "does not name its model"),
        (lambda record: {**record, "model": {"name": "tiny"}}, "does not name its model and its hash"),
        (lambda record: {**record, "lacks": "nothing"}, "are of other kinds"),
        (
            lambda record: {**record, "results": {"heads/ablation": {}}},
            "lacks bytes, method, rounding, sha256 of 'heads",
        ),
        (
            lambda record: {**record, "results": {"../../x": record["results"]["heads/ablation"]}},
            "outside its folder",
        ),
    ],
)
def test_a_record_of_another_kind_is_refused(tmp_path, change, message):
    with pytest.raises(BadResult, match=message):
        wb.atlas.entry("tiny", folder=rewritten(tmp_path, change))


def test_a_record_that_is_no_json_is_refused(tmp_path):
    folder = copied(tmp_path)
    (folder / "tiny" / "entry.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadResult, match="is damaged"):
        wb.atlas.entry("tiny", folder=folder)


def test_shipped_entries_are_small_whole_and_say_what_rounding_costs():
    wb.atlas.check(measure=False)
    for name in wb.atlas.models():
        parts = wb.atlas.entry(name).record["results"].values()
        assert sum(part["bytes"] for part in parts) <= 4 * 2**20
        assert max(part["rounding"] for part in parts) < 0.01, "what `narrow` promises"
        text = json.dumps(wb.atlas.entry(name).record)
        assert "/root" not in text and "/work" not in text
