"""Responses: the prompts that the model gets, the options that reach it, and prompts of texts' first tokens."""

import json

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus
from workbench.evaluation.responses.respond import with_examples

PROMPTS = pd.DataFrame({"task": "t", "source": "s", "language": ["de", "fr"], "prompt": ["Was ist das?", "Qui?"]})
EXAMPLES = {"de": [("Frage", "Antwort")], "en": [("question", "answer")], "fr": [("question?", "réponse")]}


def test_responses_are_those_of_generate(wrapped):
    options = {"tokens": 6, "progress": False, "heads": [(0, 1)], "scale": 0.5}
    table = wb.evaluation.respond(wrapped("llama"), PROMPTS, seed=3, **options)
    plain = wb.generate(wrapped("llama"), PROMPTS.prompt.tolist(), temperature=0.3, top_p=0.75, seed=3, **options)
    assert table.completion.tolist() == plain.text.tolist()
    assert table.drop(columns="completion").equals(PROMPTS)
    assert json.loads(table.attrs["provenance"])["parameters"]["top_p"] == 0.75


def test_confusion_knows_the_model_of_its_responses(wrapped):
    table = wb.evaluation.respond(wrapped("llama"), PROMPTS, tokens=4, heads=[(0, 1)], progress=False)
    result = wb.evaluation.confusion(table, identify=len_of)
    made = json.loads(result.attrs["provenance"])
    assert made["model"] == json.loads(table.attrs["provenance"])["model"]
    assert made["parameters"]["responses"]["heads"] == [[0, 1]] and made["parameters"]["responses"]["shots"] == 0
    assert made["parameters"]["identify"] == "len_of"


def len_of(text):
    return "de"


def test_examples_are_in_other_languages():
    for prompt, language in zip(with_examples(["?"] * 20, ["de"] * 20, EXAMPLES, 2, 0), ["de"] * 20, strict=True):
        assert prompt.endswith("\n\nQ: ?\nA:") and prompt.count("Q: ") == 3 and "Frage" not in prompt, language
    assert len(set(with_examples(["?"] * 20, ["de"] * 20, EXAMPLES, 1, 0))) == 2
    with pytest.raises(BadArgument, match="shots=3 in other languages than 'de', but examples are in 2"):
        with_examples(["?"], ["de"], EXAMPLES, 3, 0)


@pytest.mark.parametrize("spelled", ["DE", "deu", "German", "de-AT"])
def test_examples_in_the_language_that_is_due_are_not_in_another_by_their_spelling(spelled):
    examples = {spelled: [("F", "A")], "fr": [("Q", "R")]}
    assert with_examples(["?"] * 5, ["de"] * 5, examples, 1, 0) == ["Q: Q\nA: R\n\nQ: ?\nA:"] * 5
    with pytest.raises(BadArgument, match="examples are in 1"):
        with_examples(["?"], ["de"], examples, 2, 0)


def test_examples_reach_the_model(wrapped):
    table = wb.evaluation.respond(
        wrapped("llama"), PROMPTS, tokens=4, temperature=0, shots=1, examples=EXAMPLES, progress=False
    )
    texts = with_examples(PROMPTS.prompt.tolist(), PROMPTS.language.tolist(), EXAMPLES, 1, 0)
    assert table.completion.tolist() == wb.generate(wrapped("llama"), texts, tokens=4, progress=False).text.tolist()


def test_openings_are_first_tokens(wrapped):
    corpus = wb.load_corpus({"de": ["Guten Tag", "kurz"], "ru": ["да нет"]})
    table = wb.evaluation.openings(wrapped("llama"), corpus, tokens=5)
    assert table.prompt.tolist() == ["Guten", "да "], "bytes: half a letter is left out"
    assert table.language.tolist() == ["de", "ru"]
    with pytest.raises(BadCorpus, match="more than 50 tokens"):
        wb.evaluation.openings(wrapped("llama"), corpus, tokens=50)


def test_prompts_of_a_folder(tmp_path):
    for task, header, row in (
        ("monolingual/okapi/fr", "prompt,source,language", '"Écris\nun mot",okapi,fr'),
        ("crosslingual/okapi/de", "prompt,location,phrasing,language,source", "Reply.,Start,reply in,de,okapi"),
    ):
        path = tmp_path / f"{task}.csv"
        path.parent.mkdir(parents=True)
        path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    prompts = wb.load_prompts(tmp_path)
    assert prompts[["task", "source", "language", "prompt"]].values.tolist() == [
        ["crosslingual", "okapi", "de", "Reply."],
        ["monolingual", "okapi", "fr", "Écris\nun mot"],
    ]
    assert prompts.location.tolist()[0] == "Start"
    with pytest.raises(BadCorpus, match="has no prompts"):
        wb.load_prompts(tmp_path / "nothing")
    (tmp_path / "monolingual/okapi/fr.csv").write_text("prompt,source\na,b\n", encoding="utf-8")
    with pytest.raises(BadCorpus, match="no column 'language'"):
        wb.load_prompts(tmp_path)


def test_wrong_prompts(wrapped):
    with pytest.raises(BadCorpus, match="no column 'prompt'"):
        wb.evaluation.respond(wrapped("llama"), pd.DataFrame({"language": ["de"]}))
