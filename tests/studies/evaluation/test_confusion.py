"""The study of confusion: its cells, what it judges by, settings that are compared, and text in the report."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.errors import BadArgument, BadCorpus
from workbench.results.make import make_result, provenance
from workbench.studies import run_confusion
from workbench.studies.evaluation import confusion as module
from workbench.studies.evaluation.confusion import as_result, as_table
from workbench.studies.evaluation.prompts import read_examples, read_identifier, read_prompts

HOW = {"tokens": 4, "identify": "trigram", "options": wb.studies.Options(progress=False)}


def prompts(folder, text="<b>Was ist das</b> hier bitte?"):
    path = folder / "monolingual" / "de.csv"
    path.parent.mkdir(exist_ok=True)
    rows = [f'"{text} {number}",{source},de' for source in ("a", "b") for number in range(3)]
    path.write_text("\n".join(["prompt,source,language", *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_prompts_are_answered_judged_and_shown_escaped(tiny, tmp_path, monkeypatch):
    answer = "<script>alert(1)</script> das ist heute ein schöner Tag"
    real = module.respond
    monkeypatch.setattr(module, "respond", lambda *a, **k: written(real(*a, **k), answer))
    folder = run_confusion(tiny, prompts(tmp_path), out=tmp_path / "run", **HOW)
    made = wb.load_result(folder / "confusion.nc")
    assert made.task.values.tolist() == ["monolingual"] and made.source.values.tolist() == ["a", "b"]
    assert made.responses.values.tolist() == [[[3], [3]]]
    assert (folder / "recognised.nc").exists() and not (folder / "mitigation.nc").exists()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page and "&lt;b&gt;Was ist" in page
    assert wb.load_result(folder / "responses.nc").completion.values.tolist() == [answer] * 6


def written(table, answer):
    changed = table.assign(completion=answer)
    changed.attrs = table.attrs
    return changed


def test_a_shipped_corpus_is_continued_and_settings_are_compared(tiny, tmp_path):
    folder = run_confusion(
        tiny, "parallel", languages="de,fr", limit=3, out=tmp_path / "run", temperature="0.3,0", beams="1,2", **HOW
    )
    made = wb.load_result(folder / "mitigation.nc")
    assert made.setting.values.tolist() == [
        "temperature 0.3, beams 1",
        "temperature 0, beams 1",
        "temperature 0, beams 2",
    ]
    assert wb.load_result(folder / "responses.nc").task.values.tolist() == ["openings"] * 6
    assert wb.load_result(folder / "recognised.nc")["language"].values.tolist() == ["de", "fr"]


def test_each_group_stands_beside_a_random_one(tiny, tmp_path):
    model = wb.load_model(tiny)
    member = np.zeros((1, model.n_layers, model.n_heads), bool)
    member[0, 0, 0] = True
    axes = ("language", "layer", "head")
    wb.save_result(
        make_result({"member": (axes, member, "m")}, {"language": ["de"]}, method="m", parameters={}),
        tmp_path / "groups.nc",
    )
    groups = str(tmp_path / "groups.nc")
    folder = run_confusion(tiny, languages="de,fr", limit=2, out=tmp_path / "run", groups=groups, **HOW)
    made = wb.load_result(folder / "mitigation.nc")
    assert made.setting.values.tolist() == ["as it is", "without de", "random for de"]
    settings = provenance(made)["parameters"]["settings"]
    assert settings["without de"]["heads"] == [[0, 0]]
    (layer, head), *more = settings["random for de"]["heads"]
    assert layer == 0 and head != 0 and not more


def test_each_direction_stands_beside_a_random_one(tiny, tmp_path):
    model = wb.load_model(tiny)
    corpus = wb.load_corpus(languages="de,fr", limit=2)
    vectors = wb.steering.directions(model, corpus, progress=False).assign_attrs(strength=3.0)
    wb.save_result(vectors, tmp_path / "directions.nc")
    groups = str(tmp_path / "directions.nc")
    folder = run_confusion(tiny, languages="de,fr", limit=2, out=tmp_path / "run", groups=groups, **HOW)
    made = wb.load_result(folder / "mitigation.nc")
    assert made.setting.values.tolist() == ["as it is", "with de", "random for de", "with fr", "random for fr"]
    settings = provenance(made)["parameters"]["settings"]
    lengths = np.linalg.norm(3 * vectors.direction, axis=2)
    for place, code in enumerate(("de", "fr")):
        own, control = (settings[f"{prefix}{code}"]["directions"] for prefix in ("with ", "random for "))
        np.testing.assert_allclose(own["norms"], lengths[place], rtol=1e-4)
        np.testing.assert_allclose(control["norms"], lengths[place], rtol=1e-4)
        assert own["hash"] != control["hash"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "direction that is added a random one of the same lengths" in page


def test_a_table_of_responses_survives_its_file(tiny, tmp_path):
    model, table = wb.load_model(tiny), wb.load_prompts(prompts(tmp_path))
    responses = wb.evaluation.respond(model, table, tokens=2, progress=False)
    again = as_table(as_result(responses))
    assert again.to_dict("list") == responses.to_dict("list")
    identify = read_identifier("trigram", ["de"])
    first, second = (wb.evaluation.confusion(each, identify=identify) for each in (responses, again))
    xr.testing.assert_equal(first, second)


def test_limit_counts_prompts_of_each_source(tmp_path):
    table, codes = read_prompts(prompts(tmp_path), languages=None, limit=2)
    assert table["source"].tolist() == ["a", "a", "b", "b"] and codes == ["de"]


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(BadArgument, match=r"identify='trigram' knows ar, .* and not sw"):
        read_identifier("trigram", ["de", "sw"])


def test_examples_are_read_by_language(tmp_path):
    path = tmp_path / "examples.csv"
    path.write_text("language,question,answer\nde,Wer?,Ich\nde,Was?,Das\nfr,Qui ?,Moi\n", encoding="utf-8")
    assert read_examples(path) == {"de": [("Wer?", "Ich"), ("Was?", "Das")], "fr": [("Qui ?", "Moi")]}
    path.write_text("language,question\nde,Wer?\n", encoding="utf-8")
    with pytest.raises(BadCorpus, match="needs `language`, `question` and `answer`"):
        read_examples(path)
