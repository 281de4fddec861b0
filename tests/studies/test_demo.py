"""The demo on a tiny model and a tiny corpus: every file, the report, and nothing computed twice."""

import json

import pytest

import workbench.studies.demo as demo
import workbench.studies.lens as lens
from tests.models import save
from workbench.errors import TooFewLanguages
from workbench.results.files import load_result
from workbench.results.make import provenance
from workbench.studies import explore
from workbench.studies.heads import removal, scores
from workbench.studies.neurons import classes
from workbench.studies.options import Options
from workbench.studies.patching import sweeps
from workbench.studies.summary import effects, summary
from workbench.text.corpus import Corpus
from workbench.text.display.words import language

CELLS = [
    "ablation",
    "cross_layer",
    "firing",
    "heads",
    "importance_paper",
    "importance_released",
    "knockout",
    "lape",
    "lens",
    "positions",
    "roles",
    "ternary",
]
LOOKS = ["kinds", "patterns"]  # for the explorer alone
TEXTS = {
    "de": ["Der Hund schläft.", "Wir trinken Tee.", "Das Haus ist alt.", "Sie liest.", "Es regnet.", "Er singt laut."],
    "fr": ["Le chien dort.", "Nous buvons du thé.", "La maison est vieille.", "Elle lit.", "Il pleut.", "Il chante."],
    "ja": ["犬は寝ています。", "お茶を飲みます。", "家は古いです。", "彼女は読みます。", "雨です。", "彼は歌います。"],
}


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Options of a demo that was run once."""
    folder = save("llama", tmp_path_factory.mktemp("models") / "tiny")
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = 512  # one token a byte: translation prompts are long
    (folder / "config.json").write_text(json.dumps(config))
    corpus = Corpus({code: tuple(rows) for code, rows in TEXTS.items()}, True, "six sentences")
    out = tmp_path_factory.mktemp("runs") / "demo"
    options = {"model": str(folder), "corpus": corpus, "options": Options(progress=False, batch_size=4)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "CONCEPTS", 8)
        patch.setattr(demo, "PAIRS", 3)
        assert demo.run_demo(out, **options) == out
    return out, options


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(demo, "CONCEPTS", 8)
    monkeypatch.setattr(demo, "PAIRS", 3)


def test_every_result_is_there_with_its_provenance(setting):
    out, _ = setting
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [f"{name}.nc" for name in (*CELLS, *LOOKS)] + ["explorer.html", "pairs.csv", "report.html", "report.json"]
    )
    for name in (*CELLS, *LOOKS):
        record = provenance(load_result(out / f"{name}.nc"))
        assert record["model"]["hash"]
        assert record["corpus"]["hash"]
    assert load_result(out / "ablation.nc").sizes["language"] == 3
    assert load_result(out / "positions.nc").sizes["pair"] == 3


def test_the_report_holds_a_sentence_for_every_result(setting):
    out, _ = setting
    text = (out / "report.html").read_text(encoding="utf-8")
    assert text.count('<section id="section-') == len(CELLS) + 1  # and the prompts that are patched
    assert text.count('\n<p class="finding">') == len(CELLS) + 1
    assert text.count("How to read it.") == len(CELLS) + 1
    assert text.count("<b>Control.</b>") == len(CELLS)
    assert "run_demo(model=" in text and "Reproduce this run" in text
    assert all(f'href="./{name}.nc"' in text for name in CELLS)


def test_the_second_run_computes_nothing(setting, monkeypatch):
    out, options = setting

    def never(*_, **__):
        raise AssertionError("computed again")

    for module, names in {
        scores: ("importance", "ablate", "roles"),
        explore: ("kinds", "patterns"),
        removal: ("importance", "knockout"),
        classes: ("firing", "ternary", "lape"),
        sweeps: ("cross_layer", "sweep"),
        lens: ("by_language",),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, never)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.nc")}
    demo.run_demo(out, **options)
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.nc")} == before


def test_a_missing_cell_is_the_only_one_computed(setting):
    out, options = setting
    (out / "ternary.nc").unlink()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.nc")}
    demo.run_demo(out, **options)
    after = {path: path.stat().st_mtime_ns for path in out.glob("*.nc")}
    assert set(after) - set(before) == {out / "ternary.nc"}
    assert all(after[path] == before[path] for path in before)


def test_the_short_table(setting):
    out, _ = setting
    table = summary(out)
    assert table.index.tolist() == [f"{code}  {language(code)}" for code in TEXTS]
    assert {"loss [nats]", "top head (LAHIS)", "worst without", "own neurons", "LAPE neurons"} <= set(table.columns)
    assert table.map(lambda cell: isinstance(cell, str)).all(axis=None)
    assert 2 <= len(effects(out)) <= 4
    assert effects(out)[-1].startswith("Logit lens: Whether French, the target language, leads at the output cannot be")


def test_one_language_is_refused_first(tmp_path):
    with pytest.raises(TooFewLanguages):
        demo.run_demo(tmp_path, model="no such model", languages=["de"])
