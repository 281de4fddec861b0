"""Each refusal names the file, the place in it, and what would work."""

import json

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadCorpus, UnknownLanguage

TEXTS = [
    ("a.tsv", b"", BadCorpus, r"a\.tsv is empty"),
    ("a.tsv", b"\xef\xbb\xbf \n\n", BadCorpus, r"a\.tsv is empty"),
    ("de.txt", b" \n \n", BadCorpus, r"de\.txt is empty"),
    ("a.jsonl", b"", BadCorpus, r"a\.jsonl is empty"),
    (
        "a.tsv",
        "de\ten\nGrün\tgreen\n".encode("latin-1"),
        BadCorpus,
        r"not UTF-8: byte 0xfc at offset 8 \(line 2\).*iconv",
    ),
    ("de.txt", "Grün".encode("utf-16"), BadCorpus, r"not UTF-8: byte 0xff at offset 0 \(line 1\)"),
    ("de.txt", "Gr".encode("utf-16-le"), BadCorpus, r"not UTF-8: byte 0x00 at offset 1"),
    ("a.tsv", b"de\ten\na\tb\nc\n", BadCorpus, r"line 3: 1 cells, but the header has 2"),
    ("a.tsv", b"de\ten\na\tb\tc\n", BadCorpus, r"line 2: 3 cells, but the header has 2"),
    ("a.tsv", b"de\ten\na\tb\n\nc\td\n", BadCorpus, r"line 3: 1 cells, but the header has 2"),
    ("a.csv", b'de,en\n"a\nb",c\nd\n', BadCorpus, r"line 4: 1 cells"),
    ("a.tsv", b"de\ten\n", BadCorpus, r"header but no rows"),
    (
        "a.tsv",
        b"topic\tquestion\na\tb\n",
        BadCorpus,
        r"no column is headed by a language code \(it has: topic, question\)",
    ),
    ("a.tsv", b"de\tde\na\tb\n", BadCorpus, r"names 'de' more than once"),
    ("a.tsv", b"de\tdeu\na\tb\n", BadCorpus, r"two columns are in 'de'"),
    ("a.tsv", b"xx\na\n", BadCorpus, r"no column is headed by a language code \(it has: xx\).*columns=\{'xx': 'de'\}"),
    ("a.tsv", b"de\ten\na\t\n\tb\n", BadCorpus, r"none of its 2 rows is filled in every language.*de 1, en 1"),
    ("a.tsv", b"language\ttext\nde\ta\nxx\tb\n", UnknownLanguage, r"line 3: 'xx' is not the code"),
    ("a.tsv", b"language\ttext\nde\t\n", BadCorpus, r"line 2: the text is blank"),
    ("xx.txt", b"a\n", UnknownLanguage, r"'xx' is not the code of a language; call it"),
    ("a.jsonl", b'{"language": "de", "text": "a"}\n{"language": "de"', BadCorpus, r"line 2: not JSON"),
    ("a.jsonl", b'["de", "a"]', BadCorpus, r"line 1: list, not an object"),
    ("a.jsonl", b'{"language": "de"}', BadCorpus, r"line 1: no 'text' \(it has: language\)"),
    ("a.jsonl", b'{"language": "de", "text": " "}', BadCorpus, r"line 1: the text is blank"),
    ("a.jsonl", b'{"language": "de", "text": null}', BadCorpus, r"line 1: the text is blank"),
    ("a.jsonl", b'{"language": "de", "text": 5}', BadCorpus, r"line 1: 5 is int, not text"),
    ("a.jsonl", b'{"language": "xx", "text": "a"}', UnknownLanguage, r"line 1: 'xx' is not the code"),
    ("a.jsonl", b'{"language": null, "text": "a"}', UnknownLanguage, r"line 1: None is not the code"),
    ("xquad.de.json", b'{"data": [{"paragraphs": [{}]}]}', BadCorpus, r"not XQuAD-like JSON.*KeyError 'context'"),
    ("xquad.de.json", b"[1, 2]", BadCorpus, r"not XQuAD-like JSON"),
    ("xquad.de.json", b"{", BadCorpus, r"not XQuAD-like JSON.*\.jsonl"),
    ("xquad.de.json", b'{"data": [{"paragraphs": [{"context": 5}]}]}', BadCorpus, r"text 0 in 'de' is 5, int and not"),
    ("a.jsonl", b'{"de": "a", "en": {"x": 1}}', BadCorpus, r"line 1: .*dict, not text, in column 'en'"),
    ("a.jsonl", b"[" * 100_000, BadCorpus, r"line 1: not JSON"),
    ("a.parquet", b"PAR1", BadCorpus, r"cannot tell what .*\.tsv, \.csv, \.jsonl"),
]


@pytest.mark.parametrize(("name", "content", "error", "says"), TEXTS)
def test_bad_files(tmp_path, name, content, error, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        wb.load_corpus(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_corpus_names_the_shipped_ones(tmp_path):
    for source in ("nowhere", tmp_path / "a.tsv"):
        with pytest.raises(BadCorpus, match=r"no such file or folder \(shipped: parallel\)"):
            wb.load_corpus(source)


def test_a_folder_without_languages(tmp_path):
    (tmp_path / "README.txt").write_text("hello")
    with pytest.raises(BadCorpus, match=r"has no <language>\.txt"):
        wb.load_corpus(tmp_path)


def test_a_folder_with_a_mistyped_language(tmp_path):
    (tmp_path / "de.txt").write_text("a")
    (tmp_path / "xx.txt").write_text("a")
    with pytest.raises(UnknownLanguage, match=r"xx\.txt: 'xx'"):
        wb.load_corpus(tmp_path)


def test_a_folder_with_a_language_twice(tmp_path):
    (tmp_path / "de.txt").write_text("a")
    (tmp_path / "deu.txt").write_text("a")
    with pytest.raises(BadCorpus, match="both in 'de'"):
        wb.load_corpus(tmp_path)


def test_an_unreadable_file_says_why(tmp_path, monkeypatch):
    path = tmp_path / "a.tsv"
    path.write_text("de\na\n")

    def refuse(self, *_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(BadCorpus, match=r"cannot read .*Permission denied"):
        wb.load_corpus(path)


def test_frames_with_other_than_text():
    with pytest.raises(BadCorpus, match=r"row 1: 2 is int, not text"):
        wb.load_corpus(pd.DataFrame({"de": ["a", 2], "en": ["b", "c"]}))
    with pytest.raises(BadCorpus, match="more than once"):
        wb.load_corpus(pd.DataFrame([["a", "b"]], columns=["de", "de"]))
    with pytest.raises(BadCorpus, match="no column is headed"):
        wb.load_corpus(pd.DataFrame({"topic": ["a"]}))
    with pytest.raises(BadCorpus, match="no language"):
        wb.load_corpus(pd.DataFrame({"language": [], "text": []}))


def test_a_blank_context_is_named(tmp_path):
    path = tmp_path / "xquad.de.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "a"}, {"context": ""}]}]}))
    with pytest.raises(BadCorpus, match="text 1 in 'de' is blank"):
        wb.load_corpus(path)
