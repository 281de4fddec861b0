"""Dictionaries in memory: keys are judged as the headers of the same frame are, and advice can be followed."""

import datasets
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus

EN = ["The sky is blue.", "We drink tea."]
SV = ["Himlen är blå.", "Vi dricker te."]


@pytest.mark.parametrize("header", ["len", "doc_id", "seg", "mt", "no", "label"])
def test_a_dict_is_judged_as_the_same_frame(header):
    cells = {"len": ["3", "4"], "doc_id": ["x", "y"], "seg": ["1", "2"], "no": ["1", "2"]}.get(header, EN)
    table = {"id": ["a1", "a2"], "en": EN, "sv": SV, header: cells}
    with pytest.warns(UserWarning, match=f"left out: {header}"):
        corpus = wb.load_corpus(table, aligned=True)
    assert (corpus.texts, corpus.ids, corpus.ignored) == ({"en": tuple(EN), "sv": tuple(SV)}, ("a1", "a2"), (header,))
    with pytest.warns(UserWarning, match=f"left out: {header}"):
        frame = wb.load_corpus(pd.DataFrame(table))
    assert (frame.texts, frame.ids, frame.ignored) == (corpus.texts, corpus.ids, corpus.ignored)
    with pytest.warns(UserWarning, match="left out: id"):
        alone = wb.load_corpus(table)
    assert (alone.texts, alone.aligned, alone.ignored) == (corpus.texts, False, ("id", header))


def test_lists_of_different_lengths_are_judged_too():
    with pytest.warns(UserWarning, match="left out: len"):
        corpus = wb.load_corpus({"en": EN, "sv": SV[:1], "len": ["3", "4", "5"], "mt": ["Himlen är grå."]})
    assert corpus.texts == {"en": tuple(EN), "sv": tuple(SV[:1])}
    assert corpus.ignored == ("len", "mt")
    assert wb.load_corpus({"en": EN, "frr": SV}, languages="frr").texts == {"frr": tuple(SV)}


def test_data_sets_by_language_follow_columns():
    parts = datasets.DatasetDict(
        {
            code: datasets.Dataset.from_dict({"question": texts, "answer": ["1", "2"]})
            for code, texts in (("en", EN), ("sv", SV))
        }
    )
    with pytest.raises(BadCorpus, match=r"columns=\{'question': 'text'\}"):
        wb.load_corpus(parts)
    with pytest.warns(UserWarning, match="left out: answer"):
        corpus = wb.load_corpus(parts, columns={"question": "text"})
    assert (corpus.texts, corpus.ignored) == ({"en": tuple(EN), "sv": tuple(SV)}, ("answer",))
    with pytest.raises(BadArgument, match="only 'text' and 'language' are possible"):
        wb.load_corpus(parts, columns={"question": "text", "answer": None})


def test_two_columns_cannot_both_be_the_text():
    table = pd.DataFrame({"a": EN, "b": SV, "language": ["en", "en"]})
    with pytest.raises(BadArgument, match="columns gives 'text' to a, b in frame; give it to one column"):
        wb.load_corpus(table, columns={"a": "text", "b": "text"})
    assert wb.load_corpus(table, columns={"a": "text"}).texts == {"en": tuple(EN)}
