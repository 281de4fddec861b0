"""The commands `workbench circuits` write what the library writes, and refuse in one line."""

import json
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.circuits.cases import random_transcoder

PROMPT = "Der Hund"


@pytest.fixture(scope="module")
def fitted(model, tmp_path_factory):
    """Folder of a transcoder of the tiny model that explains something: its decoders are fitted."""
    loaded = wb.load_model(model)
    shape = random_transcoder(loaded.n_layers, loaded.d_model, features=96)
    made = wb.circuits.random(shape, loaded, wb.load_corpus(limit=60), truncate=True, progress=False)
    return wb.circuits.save(made, tmp_path_factory.mktemp("fitted") / "small")


def test_train_writes_a_transcoder_and_its_record(run, model, tmp_path):
    given = ("circuits", "train", "--model", model, "--steps", "5", "--features", "32", "--limit", "8")
    done = run(*given, "--languages", "de,fr", "--out", "made")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "mean ablation" in done.stdout and done.stdout.splitlines()[-1] == "made"
    loaded, trained = wb.load_model(model), tmp_path / "made"
    made = wb.circuits.load(trained)
    texts = wb.load_corpus(languages="de,fr", limit=8)
    how: Any = {"steps": 5, "features": 32, "progress": False}
    expected = wb.circuits.train(loaded, [texts.split("train")], **how)
    scale = expected.input_scale[:, None, None]  # the layout has no place for scales: they go into the weights
    np.testing.assert_allclose(made.encoder, expected.encoder * scale, rtol=1e-6)
    record = json.loads((trained / "training.json").read_text(encoding="utf-8"))
    assert record["parameters"]["steps"] == 5 and record["base"] == model
    quality = wb.circuits.quality(made, loaded, texts.split("test"), truncate=True, progress=False)
    assert record["tested"]["explained"] == round(float(quality.explained.mean()), 4)
    assert record["tested"]["kl_mean_ablated"] == round(float(quality.kl.sel(mode="mean_ablated").mean()), 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"], "nothing lies beside it"


def test_quality(run, fitted, model, corpus, tmp_path):
    given = ("circuits", "quality", "--transcoder", fitted, "--model", model, "--corpus", corpus, "--out", "run")
    done = run(*given, "--table", "t.tsv")
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert "nats a token (KL)" in text and "with all at their mean" in text and "explained on average" in text
    assert done.stdout.splitlines()[-3:] == ["run/quality.nc", "run/report.html", "t.tsv"]
    rows = (tmp_path / "t.tsv").read_text(encoding="utf-8").splitlines()
    assert [row.split("\t")[0] for row in rows] == ["language", "German", "French", "Japanese"]
    assert run(*given, "--quiet").stdout == "run/quality.nc\nrun/report.html\n"


def test_graph(run, fitted, model, corpus, tmp_path):
    given = ("circuits", "graph", "--transcoder", fitted, "--model", model, "--corpus", corpus, "--out", "run")
    done = run(*given, "--prompt", PROMPT, "--prompt", "Le chien", "--export", "--table", "t.tsv")
    assert done.exit_code == 0, done.output
    assert "replacement" in done.stdout and "completeness" in done.stdout and "rrors carry" in done.stdout
    files = ["contexts.nc", "graph_1.nc", "graph_2.nc", "report.html", "graphs.html"]
    assert [line for line in done.stdout.splitlines() if line.startswith("run/")] == [
        *(f"run/{name}" for name in files),
        "run/graph_1.json",
        "run/graph_2.json",
    ]
    loaded = wb.load_model(model)
    whole = wb.circuits.graph(wb.circuits.load(fitted, loaded), loaded, PROMPT, progress=False)
    saved = wb.load_result("run/graph_1.nc")
    np.testing.assert_array_equal(saved.weight, whole.weight)
    nodes = json.loads((tmp_path / "run" / "graph_1.json").read_text(encoding="utf-8"))["nodes"]
    assert len(nodes) == wb.circuits.prune(whole).sizes["node"] - 1, "the bias is left out"
    assert "graphs.html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_languages_and_swap_and_accept(run, fitted, model, corpus):
    given = ("--transcoder", fitted, "--model", model, "--corpus", corpus, "--quiet")
    done = run("circuits", "languages", *given, "--permutations", "3", "--out", "a")
    assert done.exit_code == 0, done.output
    names = ["firing", "lape", "overlap", "profile", "ternary"]
    assert done.stdout.splitlines() == [*(f"a/{name}.nc" for name in names), "a/report.html"]
    few = ("--target", "de", "--to", "fr", "--concepts", "4", "--shots", "1", "--controls", "1", "--top-rate", "0.3")
    done = run("circuits", "swap", *given, *few, "--no-neurons", "--out", "b")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["b/firing.nc", "b/lape.nc", "b/swap.nc", "b/report.html"]
    few = ("--languages", "de,fr", "--limit", "4", "--shots", "1", "--controls", "19")
    done = run("circuits", "accept", "--model", model, "--heads", "0.1,L1H2,2.3", *few, "--out", "c")
    assert done.exit_code == 0, done.output
    assert "The circuit of 3 heads (0.1, 1.2, 2.3) is " in done.stdout


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("train --out t --shares 1;2", "BadArgument: --shares='1;2'; give numbers with commas, such as 0.5,0.5"),
        ("train --out t --shares 1,2", "BadArgument: shares has 2 numbers for 1 corpora"),
        ("train --out t --kind deep", "BadArgument: kind='deep'"),
        ("train --out t --layout zip", "BadArgument: layout='zip'"),
        ("train --out t --steps 0", "BadArgument: steps=0"),
        ("train --out full", "CannotWrite: full is there already"),
        ("train --out t --corpus none.tsv", "BadCorpus: there is no corpus"),
        ("quality --transcoder none", "BadTranscoder: 'none' is no folder or file"),
        ("quality --languages de,xx", "UnknownLanguage: 'xx'"),
        ("graph --prompt a --nodes 2", "BadArgument: nodes=2.0"),
        ("graph --prompt a --max-features 0", "BadArgument: max_features=0"),
        ("graph --prompt a --target b --target c", "BadArgument: target has 2 words for 1 prompts"),
        ("graph --prompt a --foil b", "BadArgument: foil is compared with a target"),
        ("graph --prompt a --target b --towards fr", "BadArgument: towards is in place of target and foil"),
        ("languages --permutations 0", "BadArgument: permutations=0"),
        ("languages --languages de", "TooFewLanguages: "),
        ("swap --to de", "BadArgument: source, target and to are en, de and de"),
        ("swap --to xx", "UnknownLanguage: 'xx' is not in this word list"),
        ("swap --top-rate 2", "BadArgument: top_rate=2"),
        ("swap --concepts 1", "BadArgument: concepts=1"),
        ("accept --heads 2-3", "BadArgument: heads='2-3'; name each once by layer and head, as in 2.3,4.1"),
        ("accept --heads 2.3,L2H3", "BadArgument: heads='2.3,L2H3'"),
        ("accept --heads 2.3 --search de", "BadArgument: search is the language"),
        ("accept --languages de", "TooFewLanguages: a circuit is accepted over two languages or more"),
        ("accept --languages de,xx", "UnknownLanguage: 'xx'"),
        ("accept --controls 5", "BadArgument: controls=5"),
        ("accept --how cut", "BadArgument: how='cut'"),
        ("accept --least-necessity 0", "BadArgument: least_necessity=0"),
    ],
)
def test_what_is_wrong_is_refused_before_a_model_is_loaded(refused, monkeypatch, tmp_path, given, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for module in ("opened", "train", "accept"):
        monkeypatch.setattr(f"workbench.studies.circuits.{module}.open_model", lambda *_: pytest.fail("loaded"))
    assert refused("circuits", *given.split()).startswith(message)
