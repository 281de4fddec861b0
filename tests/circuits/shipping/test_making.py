"""The shipped transcoder is made by a command, and its card by another, from what it says alone."""

import json

import pytest

import workbench as wb
from workbench.circuits.shipping import make, mixture
from workbench.circuits.shipping.card import goals
from workbench.circuits.shipping.measure import numbers
from workbench.studies.cards.card import run_card
from workbench.training.data.prompts import AUTONYMS, LANGUAGES, read_words
from workbench.training.held_out import held_out_directions
from workbench.training.pretrain import WORDS


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    sentences = wb.load_corpus("parallel").texts
    for language in LANGUAGES:
        own = folder / "text" / language
        own.mkdir(parents=True)
        for part in ("train", "valid"):
            (own / f"{part}.txt").write_text("\n".join(sentences[language][:30]) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("unseen", [False, True])
def test_prompts_ask_into_their_language_and_keep_held_out_directions_apart(unseen):
    words, held_out = read_words(WORDS), held_out_directions()
    made = mixture.prompts(words, held_out, count=20, seed=3, unseen=unseen)
    names = {name: language for language, name in AUTONYMS.items()}
    for target, documents in made.texts.items():
        for document in documents:
            lines = document.splitlines()
            for number, line in enumerate(lines):
                given, answer = line.split(" - ")
                source = names[given.split(":")[0]]
                assert answer.startswith(f'{AUTONYMS[target]}: "')
                word = given.split('"')[1]
                candidates = [c for c, row in words.items() if row[source] == word]
                last = unseen and number == len(lines) - 1
                assert any(held_out(concept, source, target) == last for concept in candidates), line


def test_make_then_card(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "DOCUMENTS", 4)
    out = tmp_path / "made"
    make.main(["--corpus", str(corpus), "--out", str(out), "--features", "256", "--steps", "50"])
    monkeypatch.setattr("workbench.circuits.shipping.measure.TEXTS", 2)
    table = run_card(str(out), corpus=corpus, write=True, progress=False)
    assert set(table["reproduced"]) == {"new"}
    card = (out / "README.md").read_text(encoding="utf-8")
    stored = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    for name, (value, _, reached) in goals(
        json.loads((out / "training.json").read_text(encoding="utf-8")), stored
    ).items():
        assert f"| {name} | {value:.3f} |" in card and isinstance(reached, bool)
    assert f"{stored['prompts']['explained']:.3f}" in card
    again = run_card(str(out), progress=False)
    assert set(again["reproduced"]) == {"yes", "as stored"}
    assert set(again.index) == {name for name, _, _ in numbers(stored)}
