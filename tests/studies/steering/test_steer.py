"""The study of steering: its cells, its report, and what its findings say of planted numbers."""

import json
from typing import Any

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadArgument, BadResult, TooFewLanguages, UnknownLanguage
from workbench.results.make import make_result
from workbench.studies import run_steer
from workbench.studies.findings.evaluation import steering as findings
from workbench.text.display.words import language

HOW = {
    "limit": 12,
    "languages": "de,en",
    "identify": "trigram",
    "tokens": 3,
    "prompts": 5,
    "opening": 4,
    "strengths": "1,2",
    "layers": "0,2",
    "options": wb.studies.Options(progress=False, truncate=True),
}


@pytest.fixture
def tiny(wrapped):
    return wrapped("llama")


def test_a_direction_is_computed_on_one_half_and_steered_with_on_the_other(tiny, tmp_path):
    folder = run_steer(tiny, out=tmp_path / "run", instruction="Auf Deutsch: {prompt}", **HOW)
    vectors, made = (wb.load_result(folder / f"{name}.nc") for name in ("directions", "curve"))
    corpus = wb.load_corpus(languages="de,en", limit=12)
    wanted = wb.steering.directions(tiny, corpus.split("train"), truncate=True, progress=False)
    np.testing.assert_array_equal(vectors.direction, wanted.direction)
    texts = corpus.split("test").texts["en"]
    assert made.sizes["prompt"] == 5 and all(
        any(text.startswith(str(prompt)) for text in texts) for prompt in made["prompt"].values
    )
    assert made.setting.values.tolist() == ["none", "direction", "random", "instruction"]
    assert made.layer.values.tolist() == [0, 2] and made.strength.values.tolist() == [1, 2]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Does a direction make the model write German" in page and "What did the model write?" in page
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert (
        report["answer"] == findings.held_out(made).answer
        and "On the 3 prompts that did not choose" in report["answer"]
    )
    assert [part["title"][:8] for part in report["sections"]] == ["How well", "At which", "How long", "What did"]
    assert "by_trigrams</dd>" in page and "<locals>" not in page and "&lt;locals" not in page
    assert not any("`" in part["reading"] + part["control"] for part in report["sections"])


def saved(folder, unit, values, name="member"):
    """A file with a mask or a score, [language, layer, unit], of German and French."""
    labels = {"language": ["de", "fr"]}
    result = make_result({name: (("language", "layer", unit), values, name)}, labels, method="m", parameters={})
    if name != "member":
        result[name].attrs["role"] = "score"
    wb.save_result(result, folder / f"{unit}.nc")
    return str(folder / f"{unit}.nc")


def test_neurons_and_heads_of_the_target_are_amplified_as_baselines(tiny, tmp_path):
    neurons = np.zeros((2, tiny.n_layers, tiny.n_neurons), bool)
    neurons[0, 1, 3:9], neurons[1, 0] = True, True
    scores = np.random.default_rng(0).normal(size=(2, tiny.n_layers, tiny.n_heads))
    files = {"neurons": saved(tmp_path, "neuron", neurons), "heads": saved(tmp_path, "head", scores, "importance")}
    folder = run_steer(tiny, out=tmp_path / "run", **files, **HOW)
    made = wb.load_result(folder / "curve.nc")
    assert made.setting.values.tolist() == ["none", "direction", "random", "neurons", "heads"]
    heads = scores[0] == scores[0].max()
    for strength in (1, 2):
        for name, mask in (("neurons", neurons[0]), ("heads", heads)):
            edit: dict[str, Any] = {name: torch.from_numpy(np.where(mask, 1.0 + 10 * strength, 1.0))}
            with wb.model.edited(tiny, **edit):
                written = wb.generate(tiny, made["prompt"].values.tolist(), tokens=3, progress=False).text.tolist()
            cell = made.text.sel(setting=name, strength=strength)
            assert all(cell.sel(layer=layer).values.tolist() == written for layer in (0, 2))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "German" in page and "6 neurons and 1 head, with outputs times 1 + 10 x the strength" in page


def test_baselines_that_cannot_be_amplified_are_refused(tiny, tmp_path):
    shape = (2, tiny.n_layers, tiny.n_heads)
    heads = saved(tmp_path, "head", np.ones(shape, bool))
    absent = tmp_path / "absent.nc"
    for changes, error, message in (
        ({"neurons": heads}, BadResult, "has no axis 'neuron', its axes are language, layer, head"),
        ({"heads": heads, "to": "en"}, UnknownLanguage, r"'en' has no group of heads in .* \(has: de, fr\)"),
        ({"heads": str(absent)}, BadResult, "absent.nc"),
        ({"heads": ""}, BadArgument, "heads=''"),
    ):
        with pytest.raises(error, match=message):
            run_steer("no such model", out=tmp_path / "run", **{**HOW, **changes})
    for values, message in ((np.zeros(shape, bool), "has no head"), (np.ones((2, 1, 9), bool), "another model")):
        with pytest.raises(BadResult, match=message):
            run_steer(tiny, out=tmp_path / "run", heads=saved(tmp_path, "head", values), **HOW)
    assert not (tmp_path / "run" / "directions.nc").exists(), "nothing was computed first"


def planted(**changes):
    """A curve in which the direction works at layer 4 and strength 1, and a random one nowhere."""
    cells = ("setting", "layer", "strength")
    success = np.zeros((3, 2, 2))
    success[1, 1, 0] = 0.9
    relevance = np.full((3, 2, 2), 0.8)
    chooses = np.array([True, True, False, False, False])
    harmonic = 2 * success * relevance / (success + relevance)
    numbers = {
        "held_out_harmonic": [0.1, 0.6, 0.1],
        "held_out_harmonic_low": [0, 0.4, 0],
        "held_out_harmonic_high": [0.3, 0.8, 0.3],
        "held_out_success": [0.1, 0.7, 0.1],
        "held_out_relevance": [0.9, 0.5, 0.9],
        "held_out_both": [0.05, 0, 0],
        "held_out_both_low": [0, 0, 0],
        "held_out_both_high": [0.6, 0.55, 0.56],
        "advantage": [0.5, 0, 0.5],
        "advantage_low": [0.2, 0, -0.1],
        "advantage_high": [0.7, 0, 0.7],
        "chosen_layer": [2, 4, 2],
        "chosen_strength": [1.0, 1.0, 2.0],
        **changes,
    }
    variables = {
        "success": (cells, success, ""),
        "relevance": (cells, relevance, ""),
        "harmonic": (cells, harmonic, ""),
    }
    variables |= {"both": (cells, np.zeros((3, 2, 2)), ""), "chooses": (("prompt",), chooses, "")}
    variables |= {"copied": (cells, np.full((3, 2, 2), 0.25), "")}
    variables |= {name: (("setting",), np.array(values), "") for name, values in numbers.items()}
    labels = {
        "setting": ["none", "direction", "random"],
        "layer": [2, 4],
        "strength": [1.0, 2.0],
        "prompt": list("abcdd"),
    }
    about = {"method": "test", "parameters": {}, "attrs": {"target": "de", "chance": 0.1}}
    return make_result(variables, labels, **about)


def test_findings_name_the_best_cell_and_what_it_beats():
    text = findings.best(planted()).text
    assert "At layer 4 and strength 1, 90 %" in text and language("de") in text and "80 %" in text
    assert "to all 4 prompts" in text and "0 % do both" in text and "of 4 cells" in text
    text = findings.held_out(planted()).text
    assert "0.60 (0.40 to 0.80), at layer 4 and strength 1" in text
    assert "On the 2 prompts that did not choose, 70 %" in text and "50 % suit" in text, "equal prompts are one"
    assert "0 % (0 % to 55 %) do both; the harmonic mean of the first two shares" in text
    assert "above the model as it is: " in text and "no difference from random directions can be shown" in text
    assert "Without steering the three shares are 10 %, 90 % and 5 %" in text and "By chance 10 %" in text
    text = findings.held_out(planted(advantage_high=[-0.1, 0, -0.2], advantage_low=[-0.5, 0, -0.3])).text
    assert "below the model as it is and random directions" in text and "above" not in text
    assert findings.held_out(planted()).answer.endswith("can be shown."), "the headline says what cannot be shown"
    assert "25 %" in findings.copies(planted()).text
    nothing = planted()
    nothing["harmonic"][:] = 0
    assert findings.best(nothing).text.startswith("No layer and strength makes the model write German")
    table = findings.chosen_table(planted())
    assert table.loc["none", "chosen layer"] == "-" and table.loc["direction", "success"] == 0.7
    rivals = planted().assign_coords(setting=["none", "direction", "neurons"])
    assert "amplified neurons" in findings.held_out(rivals).text
    table = findings.chosen_table(rivals)
    assert table.loc["neurons", "chosen layer"] == "-" and table.loc["neurons", "chosen strength"] == 2


def test_findings_compare_directions_with_states():
    result = make_result(
        {
            "length": (("language", "layer"), np.array([[1.0, 4.0], [3.0, 4.0]]), ""),
            "residual_norm": (("layer",), np.array([10.0, 8.0]), ""),
        },
        {"language": ["de", "en"]},
        method="test",
        parameters={},
    )
    text = findings.lengths(result).text
    assert "longest after layer 1 (50 %)" in text and "shortest after layer 0 (20 %)" in text


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"to": "xx"}, UnknownLanguage, "'xx' is not in this corpus"),
        ({"source": "ja"}, UnknownLanguage, "'ja' is not in this corpus"),
        ({"languages": "de"}, TooFewLanguages, "two languages or more"),
        ({"kind": "mean"}, BadArgument, "kind='mean'"),
        ({"positions": "some"}, BadArgument, "positions='some'"),
        ({"strengths": "a"}, BadArgument, "strengths='a'; give numbers with commas"),
        ({"strengths": "0"}, BadArgument, "strengths=0"),
        ({"strengths": "1,1.0"}, BadArgument, "strengths='1,1.0'; give different numbers"),
        ({"to": "en"}, BadArgument, "to='en' and source='en' are the same language"),
        ({"to": "German", "source": "de"}, BadArgument, "to='German' and source='de' are the same language"),
        ({"instruction": "Deutsch"}, BadArgument, "instruction='Deutsch'; give a text with {prompt} in it"),
        ({"layers": "1.5"}, BadArgument, "layers='1.5'"),
        ({"prompts": 3}, BadArgument, "prompts=3"),
        ({"limit": 6}, BadArgument, "3 texts in 'en' are left to continue, half of all; give 8 or more"),
        ({"identify": "magic"}, BadArgument, "identify='magic'"),
    ],
)
def test_what_cannot_be_steered_is_refused_before_a_model_is_loaded(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        run_steer("no such model", out=tmp_path / "run", **{**HOW, **changes})


def test_what_the_model_lacks_is_refused_before_states_are_computed(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.studies.steering.steer.directions", lambda *given, **how: pytest.fail("computed"))
    texts = {code: tuple(f"{word} {number}" for number in range(9)) for code, word in (("de", "Hund"), ("en", "dog"))}
    same = wb.text.Corpus(texts, aligned=True, source="texts that begin alike")
    for changes, message in (
        ({"layers": "0,3"}, r"layers=\[0, 3\]; the layers are 0 to 2"),
        ({"opening": 1, "corpus": same}, "1 different prompts are too few"),
    ):
        with pytest.raises(BadArgument, match=message):
            run_steer(tiny, out=tmp_path / "run", **{**HOW, **changes})
