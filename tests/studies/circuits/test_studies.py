"""The studies of circuits: their cells are the library's numbers, their reports say what they say, and they resume."""

import numpy as np
import pytest

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench import studies
from workbench.circuits.transcoders.weights import Weights
from workbench.errors import BadArgument, BadCorpus, BadTranscoder, Interrupted
from workbench.studies.circuits.train import train_transcoder
from workbench.studies.findings.circuits import accept as of_accept
from workbench.studies.findings.circuits import quality as of_quality
from workbench.studies.findings.circuits import swap as of_swap
from workbench.studies.report.store import load_report

QUIET = wb.studies.Options(progress=False, truncate=True)
FEW = {"languages": "de,fr", "limit": 6, "options": QUIET}


@pytest.fixture(scope="module")
def model():
    return model_of()


@pytest.fixture(scope="module")
def transcoder(model):
    return random_transcoder(model.n_layers, model.d_model)


@pytest.fixture(scope="module")
def corpus():
    return wb.load_corpus(languages="de,fr", limit=6)


def test_quality(model, transcoder, corpus, tmp_path):
    run = studies.run_circuit_quality(model, out=tmp_path / "run", transcoder=transcoder, **FEW)
    made = wb.load_result(run / "quality.nc")
    expected = wb.circuits.quality(transcoder, model, corpus, truncate=True, progress=False)
    assert made.drop_attrs().identical(expected.drop_attrs())
    report = load_report(run)
    assert report.answer == of_quality.predictions(made).answer
    assert [section.title[:9] for section in report.sections] == ["What do p", "How much "]
    assert report.recipe is not None and report.recipe.command == "", "a model that is an object has no command"
    assert "run_circuit_quality(model=model, transcoder=transcoder, " in report.recipe.call


def test_a_second_run_computes_nothing_and_another_transcoder_does(model, transcoder, tmp_path, monkeypatch):
    how = {"out": tmp_path / "run", **FEW}
    studies.run_circuit_quality(model, transcoder=transcoder, **how)
    monkeypatch.setattr("workbench.studies.circuits.quality.quality", lambda *_, **__: 1 / 0)
    studies.run_circuit_quality(model, transcoder=transcoder, **how)
    with pytest.raises(ZeroDivisionError):
        studies.run_circuit_quality(model, transcoder=random_transcoder(model.n_layers, model.d_model, seed=1), **how)


def test_graphs_of_several_prompts_share_a_page(model, transcoder, tmp_path, monkeypatch):
    write, pages = wb.figures.graph_page, []
    monkeypatch.setattr(
        wb.figures, "graph_page", lambda graphs, *given, **how: (pages.append([*graphs]), write(graphs, *given, **how))
    )
    how = {"prompt": ["Ei", "Haus"], "target": ["x", "y"], "foil": "z", "max_features": 12, **FEW}
    run = studies.run_circuit_graph(model, out=tmp_path / "run", transcoder=transcoder, export=True, **how)
    for number, (prompt, word) in enumerate(zip(how["prompt"], how["target"], strict=True), start=1):
        whole = wb.circuits.graph(transcoder, model, prompt, target=(word, "z"), max_features=12, progress=False)
        np.testing.assert_array_equal(wb.load_result(run / f"graph_{number}.nc").influence, whole.influence)
        assert (run / f"graph_{number}.json").is_file()
    seen = wb.load_result(run / "contexts.nc")
    assert seen["language"].values.tolist() == ["de", "fr"]
    assert pages == [["1: Ei", "2: Haus"]] and (run / "graphs.html").is_file()
    shown = wb.circuits.prune(wb.load_result(run / "graph_1.nc"))
    features = shown.isel(node=shown.kind.values == "feature")
    named = {f"{layer}/{number}" for layer, number in zip(features.layer.values, features.feature.values, strict=True)}
    assert named <= set(seen["feature"].values.tolist())
    assert [section.title for section in load_report(run).sections] == [
        "What carries the prediction after “Ei”?",
        "What carries the prediction after “Haus”?",
    ]


def test_a_graph_towards_a_language(model, transcoder, tmp_path):
    how = {"max_features": 4, **FEW}
    run = studies.run_circuit_graph(model, out=tmp_path / "a", transcoder=transcoder, prompt="Ei", towards="fr", **how)
    made = wb.load_result(run / "graph_1.nc")
    assert made.label.values[-1] == "direction of fr"


def test_languages(model, transcoder, corpus, tmp_path):
    how = {"permutations": 9, **FEW}
    run = studies.run_circuit_languages(model, out=tmp_path / "run", transcoder=transcoder, **how)
    shared = wb.circuits.overlap(transcoder, model, corpus, permutations=9, truncate=True, progress=False)
    assert wb.load_result(run / "overlap.nc").drop_attrs().identical(shared.drop_attrs())
    counts = wb.load_result(run / "firing.nc")
    np.testing.assert_array_equal(wb.load_result(run / "lape.nc").member, wb.neurons.lape(counts).member)
    np.testing.assert_array_equal(wb.load_result(run / "ternary.nc").kind, wb.neurons.ternary(counts).kind)
    sections = load_report(run).sections
    assert [section.file for section in sections] == ["overlap.nc", "profile.nc", "lape.nc", "ternary.nc"]
    text = " ".join(section.finding.text + section.control for section in sections)
    assert "neuron" not in text and "shuffled rows" in sections[0].control
    loose = wb.text.Corpus({"de": ("a", "b"), "fr": ("c", "d")}, aligned=False, source="loose")
    with pytest.raises(BadCorpus, match="loose is not aligned"):
        studies.run_circuit_languages(model, loose, out=tmp_path / "other", transcoder=transcoder, options=QUIET)


def test_a_blank_prompt_is_named_before_a_model_is_loaded(tmp_path):
    with pytest.raises(BadArgument, match=r"^prompt 2, 3 is blank; give the text before the prediction$"):
        studies.run_circuit_graph("no such model", out=tmp_path / "run", prompt=["a", "", " "], options=QUIET)


def test_swap(model, transcoder, corpus, tmp_path):
    how = {"target": "de", "to": "fr", "shots": 1, "concepts": 3, "controls": 2, "top_rate": 0.4, **FEW}
    run = studies.run_circuit_swap(model, out=tmp_path / "run", transcoder=transcoder, **how)
    counts = wb.circuits.firing(transcoder, model, corpus, moments=True, truncate=True, progress=False)
    own = wb.neurons.firing(model, corpus, moments=True, truncate=True, progress=False)
    expected = wb.circuits.swap_language(
        *(transcoder, model, "words"),
        source="en",
        target="de",
        to="fr",
        members=wb.neurons.lape(counts, top_rate=0.4),
        firing=counts,
        neurons=wb.neurons.lape(own, top_rate=0.4),
        neuron_firing=own,
        shots=1,
        limit=3,
        controls=2,
        progress=False,
    )
    made = wb.load_result(run / "swap.nc")
    assert made.drop_attrs().identical(expected.drop_attrs())
    assert load_report(run).answer == of_swap.swap(made).answer


def test_accept_of_named_heads_and_of_a_search_on_other_concepts(model, tmp_path):
    how = {"languages": "de,fr", "shots": 1, "limit": 5, "controls": 19, "options": wb.studies.Options(progress=False)}
    run = studies.run_circuit_accept(model, out=tmp_path / "a", heads="0.1,L1H2,2.3", **how)
    own = {"source": "en", "shots": 1, "limit": 5, "tokenizer": model.tokenizer}
    family = {code: wb.translation_pairs("words", target=code, **own) for code in ("de", "fr")}
    expected = wb.circuits.accept(model, family, [(0, 1), (1, 2), (2, 3)], controls=19, progress=False)
    made = wb.load_result(run / "accept.nc")
    assert made.drop_attrs().identical(expected.drop_attrs())
    assert load_report(run).answer == of_accept.verdict(made, [(0, 1), (1, 2), (2, 3)]).answer
    run = studies.run_circuit_accept(model, out=tmp_path / "b", search="fr", **how)
    circuit, judged = (wb.load_result(run / f"{name}.nc") for name in ("circuit", "accept"))
    assert judged.attrs["units"] == circuit.attrs["size"]
    assert "into French" in load_report(run).sections[1].finding.text
    words = wb.load_words()
    halves = [set(words["en"][first::2]) for first in (0, 1)]
    used = [wb.results.provenance(circuit)["corpus"], wb.results.provenance(judged)["corpus"]["fr"]]
    assert used[0]["hash"] != used[1]["hash"] and not halves[0] & halves[1]


def test_files_that_are_not_there_are_refused_before_a_model_is_loaded(tmp_path):
    with pytest.raises(BadTranscoder, match="'none' is no folder or file"):
        studies.run_circuit_quality("no such model", out=tmp_path / "run", transcoder="none", options=QUIET)
    with pytest.raises(BadArgument, match="cannot go through a chat template yet"):
        chat = wb.studies.Options(chat=True)
        studies.run_circuit_graph("no such model", out=tmp_path / "run", prompt="a", transcoder="none", options=chat)


def test_a_training_that_is_stopped_continues_to_the_same_weights(model, tmp_path, monkeypatch):
    how = {"steps": 30, "features": 16, **FEW}
    train_transcoder(model, out=tmp_path / "whole", **how)
    seen, loss = [], Weights.loss

    def stopping(self, *given):
        seen.append(1)
        if len(seen) == 20:
            raise KeyboardInterrupt
        return loss(self, *given)

    monkeypatch.setattr(Weights, "loss", stopping)
    with pytest.raises(Interrupted, match=r"stopped\.progress, and the same command continues"):
        train_transcoder(model, out=tmp_path / "stopped", **how)
    assert not (tmp_path / "stopped").exists() and len(seen) == 20
    with pytest.raises(BadArgument, match=r"stopped\.progress holds the steps of a training with another model, texts"):
        train_transcoder(model, out=tmp_path / "stopped", **{**how, "steps": 31})
    assert len(seen) == 20, "nothing is trained, and the steps are still there"
    train_transcoder(model, out=tmp_path / "stopped", **how)
    assert len(seen) < 20 + 30, "the finished steps are not done again"
    for name in ("W_enc_0.safetensors", "W_dec_2.safetensors"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stopped", "whole"]
