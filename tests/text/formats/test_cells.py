"""Columns under a plain code: left out where their cells are clearly something else, and read where they are not."""

import warnings

import pandas as pd
import pytest

import workbench as wb

EN = ["The sky is blue.", "We drink tea."]
SV = ["Himlen är blå.", "Vi dricker te."]


@pytest.mark.parametrize(
    ("header", "cells", "why"),
    [
        ("hr", ["yes", "no"], "labels"),
        ("lv", ["A1", "B2"], "identifiers"),
        ("tr", ["train", "train"], "labels"),
        ("doi", ["10.1000/xyz.a", "10.1000/abc.b"], "identifiers"),
        ("ori", EN, "repeats another column"),
        ("fil", ["a.txt", "b.txt"], "identifiers"),
        ("pag", ["p1", "p2"], "identifiers"),
        ("el", ["x", "y"], "not Greek"),
        ("ja", ["noun", "verb"], "not Hiragana"),
        ("pl", ["x", "y"], "labels"),
    ],
)
def test_cells_that_are_clearly_no_text_are_left_out(header, cells, why):
    table = pd.DataFrame({"en": EN, "sv": SV, header: cells})
    with pytest.warns(UserWarning, match=rf"left out: {header} \(.*{why}"):
        corpus = wb.load_corpus(table)
    assert (corpus.texts, corpus.ignored) == ({"en": tuple(EN), "sv": tuple(SV)}, (header,))
    assert wb.load_corpus(table, languages=[header]).texts[wb.text.languages.check(header)] == tuple(cells)
    assert len(wb.load_corpus(table, columns={header: header}).languages) == 3


def test_few_labels_over_many_rows():
    table = pd.DataFrame({"en": [f"This is sentence {i}." for i in range(6)], "pl": ["news", "web", "news"] * 2})
    with pytest.warns(UserWarning, match=r"left out: pl \(its cells are labels\)"):
        assert wb.load_corpus(table).languages == ("en",)


@pytest.mark.parametrize(
    "table",
    [
        {"en": ["Hello", "Good day"], "de": ["ja", "nein"]},
        {"en": ["Yes", "No"], "hr": ["Da", "Ne"]},
        {"en": ["Good day", "Thank you"], "fi": ["Hei", "Kiitos"]},
        {"en": ["Good day", "Thank you"], "sr": ["zdravo", "hvala"]},
        {"en": ["Good day", "Thank you"], "ja": ["こんにちは", "ありがとう"]},
        {"en": ["Good day to you", "Thank you"], "hi": ["aap kaise hain", "bahut dhanyavaad"]},
        {"en": ["In 2020", "In 2021"], "zh": ["2020年", "2021年"]},
        {"fr": ["a1", "a2"], "de": ["b1", "b2"]},
        {"en": EN, "nl": EN},
    ],
)
def test_small_honest_corpora_are_read_without_a_word(table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corpus = wb.load_corpus(pd.DataFrame(table))
    assert corpus.texts == {code: tuple(cells) for code, cells in table.items()}
