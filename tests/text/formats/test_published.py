"""Formats in which corpora are published: small ones are written here as their makers write them."""

import gzip
import json
import warnings

import datasets
import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage

FI = ("Taivas on sininen.", "Juomme teetä.", "On myöhä.")
SV = ("Himlen är blå.", "Vi dricker te.", "Det är sent.")
BOTH = {"fi": FI, "sv": SV}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.name.endswith(".gz") else text.encode())
    return path


def rows(texts):
    return "\n".join(texts) + "\n"


def quietly(*args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return wb.load_corpus(*args, **options)


@pytest.mark.parametrize(
    "names",
    [
        ("fin_Latn.dev", "swe_Latn.dev"),
        ("fin_Latn.devtest.gz", "swe_Latn.devtest.gz"),
        ("newstest2019-src.fin.txt", "newstest2019-ref.swe.txt"),
        ("Books.fi-sv.fi", "Books.fi-sv.sv"),
        ("train.fin_Latn", "train.swe_Latn"),
        ("wiki.fi.gz", "wiki.sv.gz"),
    ],
)
def test_files_in_step(tmp_path, names):
    write(tmp_path / names[0], rows(FI))
    write(tmp_path / names[1], rows(SV))
    write(tmp_path / "README", "not texts")
    write(tmp_path / "LICENSE.md", "not texts")
    corpus = quietly(tmp_path)
    assert (corpus.texts, corpus.aligned) == (BOTH, True)
    write(tmp_path / names[1], rows((SV[0], "", SV[2])))
    with pytest.warns(UserWarning, match="dropped 1 of 3 rows"):
        corpus = wb.load_corpus(tmp_path)
    assert corpus.texts == {"fi": (FI[0], FI[2]), "sv": (SV[0], SV[2])}
    write(tmp_path / names[1], rows(SV[:2]))
    with pytest.raises(BadCorpus, match=r"differ in length: .* [32], .* [23] lines"):
        wb.load_corpus(tmp_path)


def test_a_blank_last_line_counts_as_a_line(tmp_path):
    write(tmp_path / "a.fi", rows(FI))
    write(tmp_path / "a.sv", rows((*SV[:2], "")))
    with pytest.warns(UserWarning, match="dropped 1 of 3 rows"):
        assert wb.load_corpus(tmp_path).texts == {"fi": FI[:2], "sv": SV[:2]}


def test_flores_has_parts(tmp_path):
    for part, end in (("dev", 1), ("devtest", 3)):
        write(tmp_path / part / f"fin_Latn.{part}", rows(FI[:end]))
        write(tmp_path / part / f"swe_Latn.{part}", rows(SV[:end]))
    with pytest.raises(BadCorpus, match="has dev, devtest; choose one, with split='dev'"):
        wb.load_corpus(tmp_path)
    with pytest.raises(BadArgument, match="has: dev, devtest"):
        wb.load_corpus(tmp_path, split="test")
    assert quietly(tmp_path, split="devtest").counts == {"fi": 3, "sv": 3}
    assert quietly(tmp_path / "dev").counts == {"fi": 1, "sv": 1}
    assert quietly(tmp_path, split="devtest", languages="swe_Latn").texts == {"sv": SV}


def test_a_folder_of_one_part_is_split_in_halves(tmp_path):
    write(tmp_path / "fin_Latn.dev", rows(FI))
    halves = [quietly(tmp_path, split=name).texts["fi"] for name in ("train", "test")]
    assert sorted(halves[0] + halves[1]) == sorted(FI)
    assert quietly(tmp_path, split="dev").texts == {"fi": FI}


def test_several_moses_pairs_are_a_choice(tmp_path):
    for name, texts in (("A.fi-sv.fi", FI), ("A.fi-sv.sv", SV), ("B.fi-sv.fi", FI[:1]), ("B.fi-sv.sv", SV[:1])):
        write(tmp_path / name, rows(texts))
    with pytest.raises(BadCorpus, match=r"more than one set of files: A\.fi-sv, B\.fi-sv; give one: .*A\.fi-sv"):
        wb.load_corpus(tmp_path)
    assert quietly(tmp_path / "B.fi-sv").texts == {"fi": FI[:1], "sv": SV[:1]}
    assert quietly(tmp_path / "A.fi-sv.sv").texts == {"sv": SV}


def test_text_files_are_aligned_when_the_user_says_so(tmp_path):
    write(tmp_path / "fi.txt", rows(FI))
    write(tmp_path / "sv.txt", rows(SV))
    assert not quietly(tmp_path).aligned
    assert quietly(tmp_path, aligned=True).aligned
    assert not quietly(pd.DataFrame(BOTH), aligned=False).aligned


def belebele(code, passages):
    items = (
        {"link": "a", "question_number": i, "flores_passage": text, "question": "?", "dialect": code, "ds": "2023"}
        for i, text in enumerate(passages)
    )
    return rows(map(json.dumps, items))


def test_belebele_is_aligned_by_question_and_takes_a_passage_once(tmp_path):
    write(tmp_path / "fin_Latn.jsonl", belebele("fin_Latn", (FI[0], FI[0], FI[1])))
    write(tmp_path / "swe_Latn.jsonl", belebele("swe_Latn", (SV[0], SV[0], SV[1])))
    with pytest.warns(UserWarning, match="2 passages for 3 questions"):
        corpus = wb.load_corpus(tmp_path)
    assert (corpus.texts, corpus.aligned) == ({"fi": FI[:2], "sv": SV[:2]}, True)
    with pytest.warns(UserWarning, match="2 passages for 3 questions"):
        assert wb.load_corpus(tmp_path / "fin_Latn.jsonl").texts == {"fi": FI[:2]}


def test_language_confusion_prompts(tmp_path):
    write(tmp_path / "fi.csv", f"prompt,source,language\n{FI[0]},native,fi\n{FI[1]},native,fi\n")
    write(tmp_path / "sv.csv", f"prompt,source,language\n{SV[0]},native,sv\n")
    with pytest.warns(UserWarning, match="texts are those of 'prompt'; other columns are left out: source"):
        corpus = wb.load_corpus(tmp_path)
    assert (corpus.texts, corpus.ignored) == ({"fi": FI[:2], "sv": SV[:1]}, ("source",))
    write(tmp_path / "fi.csv", "prompt,location,phrasing,language,source\nReply in Finnish.,Start,x,fi,okapi\n")
    with pytest.warns(UserWarning, match="the language requested by its prompts"):
        wb.load_corpus(tmp_path / "fi.csv")


def test_a_file_in_one_language_by_its_name(tmp_path):
    write(tmp_path / "test.fi.jsonl", rows(json.dumps({"premise": text, "label": 0}) for text in FI))
    with pytest.raises(BadCorpus, match=r"columns=\{'premise': 'text'\}"):
        wb.load_corpus(tmp_path)
    with pytest.warns(UserWarning, match="label"):
        assert wb.load_corpus(tmp_path, columns={"premise": "text"}).texts == {"fi": FI}
    write(tmp_path / "x" / "fi.csv", "id,text\n1,Hei\n")
    write(tmp_path / "x" / "sv.csv", "id,text\n1,Hej\n")
    with pytest.warns(UserWarning, match="id"):
        assert wb.load_corpus(tmp_path / "x").texts == {"fi": ("Hei",), "sv": ("Hej",)}


def test_wide_json_lines(tmp_path):
    items = [{"fi": one, "sv": other} for one, other in zip(FI, SV, strict=True)]
    for name, shape in (("a.jsonl", items), ("b.jsonl.gz", [{"translation": item} for item in items])):
        corpus = quietly(write(tmp_path / name, rows(map(json.dumps, shape))))
        assert (corpus.texts, corpus.aligned) == (BOTH, True)
    assert quietly(items).texts == BOTH
    del items[1]["sv"]
    with pytest.warns(UserWarning, match="dropped 1 of 3 rows"):
        assert wb.load_corpus(items).counts == {"fi": 2, "sv": 2}


def questions(texts, ids):
    paragraphs = [{"context": text, "qas": [{"id": one}]} for text, one in zip(texts, ids, strict=True)]
    return json.dumps({"version": 1.0, "data": [{"title": "x", "paragraphs": paragraphs}]})


def test_mlqa_takes_contexts_in_their_own_language(tmp_path):
    for code in ("fi", "sv"):
        write(tmp_path / f"test-context-fi-question-{code}.json", questions(FI, "abc"))
        write(tmp_path / f"test-context-sv-question-{code}.json", questions(SV, "abc"))
    corpus = quietly(tmp_path)
    assert (corpus.texts, corpus.aligned) == (BOTH, True)
    assert quietly(tmp_path / "test-context-sv-question-fi.json").texts == {"sv": SV}
    write(tmp_path / "dev-context-sv-question-sv.json", questions(SV[:1], "d"))
    with pytest.raises(BadCorpus, match="has dev, test; choose one"):
        wb.load_corpus(tmp_path)
    assert quietly(tmp_path, split="dev").texts == {"sv": SV[:1]}
    assert quietly(tmp_path, split="test").texts == BOTH


def test_data_sets_of_translations_and_classes():
    pairs = [{"id": str(i), "translation": {"fi": a, "sv": b}} for i, (a, b) in enumerate(zip(FI, SV, strict=True))]
    features = datasets.Features(
        {"id": datasets.Value("string"), "translation": datasets.Translation(languages=["fi", "sv"])}
    )
    nested = datasets.Dataset.from_list(pairs, features=features)
    for source in (nested, nested.flatten()):
        corpus = quietly(source)
        assert (corpus.texts, corpus.aligned, corpus.ids) == (BOTH, True, ("0", "1", "2"))
    classes = datasets.Features({"lang": datasets.ClassLabel(names=["sv", "fi"]), "sentence": datasets.Value("string")})
    named = datasets.Dataset.from_dict({"lang": [1, 0], "sentence": [FI[0], SV[0]]}, features=classes)
    assert quietly(named).texts == {"fi": FI[:1], "sv": SV[:1]}


def test_data_sets_by_language():
    parts = {code: datasets.Dataset.from_dict({"text": list(texts)}) for code, texts in BOTH.items()}
    corpus = quietly(datasets.DatasetDict(parts))
    assert (corpus.texts, corpus.aligned) == (BOTH, False)
    split = {code: datasets.DatasetDict(train=part, test=part.select([0])) for code, part in parts.items()}
    assert quietly(split, split="test").texts == {"fi": FI[:1], "sv": SV[:1]}
    with pytest.raises(BadCorpus, match="two keys are in 'fi'"):
        wb.load_corpus({"fi": parts["fi"], "Finnish": parts["sv"]})


def test_flores_on_the_hub():
    table = {"id": [1, 2, 3], "URL": ["u"] * 3, "sentence_fin_Latn": FI, "sentence_swe_Latn": SV}
    with pytest.warns(UserWarning, match="left out: URL"):
        corpus = wb.load_corpus(pd.DataFrame(table))
    assert (corpus.texts, corpus.ids) == (BOTH, ("1", "2", "3"))
    plus = {"iso_639_3": ["fin", "swe"], "iso_15924": ["Latn"] * 2, "text": [FI[0], SV[0]]}
    assert quietly(pd.DataFrame(plus)).texts == {"fi": FI[:1], "sv": SV[:1]}


def test_dicts_of_lists():
    for make in (list, tuple, np.array, pd.Series):
        corpus = quietly({"fin": make(FI), "Swedish": make(SV[:2])})
        assert (corpus.texts, corpus.aligned) == ({"fi": FI, "sv": SV[:2]}, False)
    assert quietly({code: list(texts) for code, texts in BOTH.items()}, aligned=True).aligned
    assert quietly({"language": ["fi", "sv"], "text": [FI[0], SV[0]]}).texts == {"fi": FI[:1], "sv": SV[:1]}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ({}, BadCorpus),
        ({"fi": "Hei"}, BadCorpus),
        ({"fi": ["Hei", None]}, BadCorpus),
        ({"fi": ["Hei", 5]}, BadCorpus),
        ({"fi": []}, BadCorpus),
        ({"xx": ["Hei"]}, UnknownLanguage),
        ({7: ["Hei"]}, UnknownLanguage),
        ({"fi": ["a"], "fin": ["b"]}, BadCorpus),
        ({"fi": {"a": 1}}, BadCorpus),
        ([{"x": "Hei"}], BadCorpus),
        ([], BadCorpus),
        ("x" * 5000, BadCorpus),
        ("a\0b", BadCorpus),
    ],
)
def test_what_is_no_corpus_in_memory_is_refused_in_a_line(source, error):
    with pytest.raises(error) as caught:
        wb.load_corpus(source)
    assert "\n" not in str(caught.value)


def test_spellings_that_merge_are_said():
    table = pd.DataFrame({"language": ["zh", "zh-CN", "en"], "text": ["一。", "二。", "One."]})
    with pytest.warns(UserWarning, match="zh, zh-CN are one language, zh"):
        assert wb.load_corpus(table).texts == {"zh": ("一。", "二。"), "en": ("One.",)}
    assert quietly(BOTH, languages="Swedish,fin_Latn").languages == ("sv", "fi")


def test_words_are_asked_for_in_any_spelling():
    words = pd.DataFrame({"fin_Latn": list("abcd"), "German": list("pqrs")})
    read = wb.load_words(words)
    assert list(read.columns) == ["fi", "de"]
    one = wb.translation_pairs(read, source="Finnish", target="deu", shots=1)
    other = wb.translation_pairs(words, source="fi", target="DE", shots=1)
    assert [pair.source for pair in one] == [pair.source for pair in other]
