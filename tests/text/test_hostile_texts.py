"""Corpora of others: refused in a short line, soon, within the memory; what the system says of a file is passed on."""

import gzip
import os
from types import SimpleNamespace

import psutil
import pytest

import workbench as wb
from tests import hostile
from workbench.errors import BadCorpus, BadPairs, UnknownLanguage
from workbench.text.display.naming import quoted, shortened
from workbench.text.formats.headers import language_columns
from workbench.text.tasks.questions import read_tasks

WHY = {
    "pipe": "a folder, a pipe or a device, and not a file",
    "device": "a folder, a pipe or a device, and not a file",
    "dangling": "it is a link to nothing",
    "link_to_itself": "a link to nothing",
    "a_folder": "no <language>.txt",
    "long_path": "cannot look for .*: File name too long",
    "damaged_gzip": "no whole gzip file",
    "deep_jsonl": "line 1: not JSON",
    "deep_text_jsonl": r"line 1: \[\[\[\[\.\.\.\]\]\]\] is list, not text, in column 'text'",
    "deep_language_jsonl": r"line 1: \[\[\[\[\.\.\.\]\]\]\] is not the code of a language",
    "list_language_jsonl": r"\['de'\] is not the code of a language",
    "dict_text_jsonl": r"\{'a': 1\} is dict, not text",
    "sparse_jsonl": "its 20000 objects have 20000 different names .* and 19988 more",
    "question_ids_de_json": "not XQuAD-like JSON",
    "wide_tsv": "no column is headed by a language code .* and 99988 more",
    "twice_tsv": "the header names 'de' more than once",
}
READERS = {"corpus": wb.load_corpus, "pairs": wb.load_pairs, "words": wb.load_words, "questions": read_tasks}


@pytest.mark.parametrize("build", hostile.TEXTS, ids=lambda build: build.__name__)
def test_a_hostile_corpus_is_refused_with_its_reason(tmp_path, build):
    with pytest.raises((BadCorpus, UnknownLanguage), match=WHY.get(build.__name__, ".")) as refused:
        wb.load_corpus(build(tmp_path))
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("reader", ["pairs", "words", "questions"])
@pytest.mark.parametrize("build", hostile.TEXTS, ids=lambda build: build.__name__)
def test_other_readers_refuse_it_too(tmp_path, build, reader):
    with pytest.raises((BadCorpus, BadPairs, UnknownLanguage)) as refused:
        READERS[reader](build(tmp_path))
    assert len(str(refused.value)) < 1000


def test_a_packed_file_is_unpacked_no_further_than_the_memory_allows(tmp_path, monkeypatch):
    path = tmp_path / "de.txt.gz"
    path.write_bytes(gzip.compress(b"ein Satz\n" * 10**6))  # 9 MB in 14 KB
    assert wb.load_corpus(path, deduplicate=True).counts == {"de": 1}
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=12 * 2**20))
    with pytest.raises(BadCorpus, match=r"has more than 1,048,576 bytes, the limit for the free memory"):
        wb.load_corpus(path)


def test_a_folder_that_cannot_be_listed_says_why(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(BadCorpus, match=r"cannot read .*Permission denied"):
        wb.load_corpus(tmp_path)


def test_objects_with_names_of_their_own_are_read_as_long_as_they_are_few(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(f'{{"de": "Satz {row}", "fr": "phrase {row}", "n{row}": 1}}' for row in range(300)))
    with pytest.warns(UserWarning, match="columns that are no language are left out: n0, n1.* and 288 more"):
        assert wb.load_corpus(path).counts == {"de": 300, "fr": 300}


class Counted(str):
    """A header that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)


def test_each_header_is_compared_with_a_few_others_only(monkeypatch):
    table = {Counted(f"de-x-a{number:05}"): ["ein Satz"] for number in range(2000)}
    monkeypatch.setattr(Counted, "compared", 0)
    assert len(language_columns(table, "table").languages) == 2000
    assert Counted.compared < 50 * 2000  # each with each would be two million


def test_messages_name_a_few_of_many():
    assert shortened(["a", "b"]) == "a, b"
    assert shortened([str(number) for number in range(100)]).endswith("10, 11 and 88 more")
    assert shortened(["x" * 1000]) == "x" * 80
    assert quoted("short") == "'short'"
    assert len(quoted("x" * 10**6)) <= 80
    assert quoted([[[[[1]]]]]) == "[[[[...]]]]"
