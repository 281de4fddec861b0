"""The study of two models: its cells, its report, and what it refuses."""

import pytest

import workbench as wb
from tests.merging.diffing.cases import CORPUS, made, moved
from tests.merging.diffing.test_states import other_depth
from tests.models import byte_tokenizer, tiny
from tests.patching.cases import make_pairs
from workbench.errors import BadArgument
from workbench.studies import run_side_by_side
from workbench.studies.report.store import load_report

QUIET = wb.studies.Options(progress=False)


def test_every_part_is_stored_and_reported(tmp_path):
    before, after = made(), moved(["layers.1"])
    folder = run_side_by_side(before, after, CORPUS, out=tmp_path / "run", pairs=make_pairs([6, 6]), options=QUIET)
    parts = ["outputs", "states", "heads", "neurons", "exchange"]
    direct = wb.merging.side_by_side(before, after, CORPUS, parts=["outputs", "states"], progress=False)
    for part, result in direct.items():
        stored = wb.load_result(folder / f"{part}.nc")
        assert all((stored[name] == result[name]).all() for name in ("kl", "distance") if name in result)
    assert all((folder / f"{part}.nc").is_file() for part in parts)
    page = (folder / "report.html").read_text(encoding="utf-8")
    for question in (
        "How far apart are the two models",
        "At which tokens are they furthest apart?",
        "In which layer do the states of the models part?",
        "Does the mean difference of states say a word?",
        "Which heads became more or less important?",
        "Which neurons changed class between the checkpoints?",
        "From which layer on is the model before the model after?",
        "Which state carries what changed?",
    ):
        assert question in page, question


def test_models_of_other_shapes_have_their_outputs_compared(tmp_path):
    folder = run_side_by_side(made(), other_depth(), CORPUS, out=tmp_path / "run", options=QUIET)
    assert sorted(path.stem for path in folder.glob("*.nc")) == ["outputs"]


def test_one_language_leaves_the_neurons_out_and_computes_the_rest(tmp_path):
    """Classes of neurons need two languages; the other parts of a corpus of one are not lost for that."""
    folder = run_side_by_side(made(), moved(["layers.1"]), CORPUS.select(["de"]), out=tmp_path / "run", options=QUIET)
    assert sorted(path.stem for path in folder.glob("*.nc")) == ["heads", "outputs", "states"]
    assert (folder / "report.html").is_file()


def test_a_report_names_both_models(tmp_path):
    """The line under the title and that of a figure have the model before, not that after alone."""
    before, after = made(), moved(["layers.1"])
    folder = run_side_by_side(before, after, CORPUS, out=tmp_path / "run", options=QUIET)
    report = load_report(folder)
    assert report.about["before"] == before.name and list(report.about)[:2] == ["before", "model"]
    outputs = wb.load_result(folder / "outputs.nc")
    assert f"model {after.name} · before {before.name}" in wb.figures.bars(outputs, "kl").layout.title.subtitle.text
    assert "before" not in wb.figures.bars(outputs.assign_attrs(provenance="{}"), "kl").layout.title.subtitle.text


def test_a_model_and_itself_are_reported_as_equal(tmp_path):
    folder = run_side_by_side(made(), made(), CORPUS, out=tmp_path / "run", pairs=make_pairs([6, 6]), options=QUIET)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Both models give the same distributions at every token." in page
    assert "The states of both models are equal at every layer." in page
    whole = page.split('<section id="section-7"')[1].split('<section id="section-8"')[0]
    assert "The two models are not distinguishable on these prompts" in whole and "model before" in whole
    assert "<figure>" not in whole and "<figure>" in page


def test_other_tokenizers_are_refused_before_anything_is_computed(tmp_path):
    other = wb.load_model(tiny("llama"), tokenizer=byte_tokenizer(bos=False))
    with pytest.raises(BadArgument, match="put different tokens before a text"):
        run_side_by_side(made(), other, CORPUS, out=tmp_path / "run", options=QUIET)
    assert not list((tmp_path / "run").glob("*.nc"))
