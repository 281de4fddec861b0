"""Which columns are languages: right answers are written beside tables whose meaning is known."""

import warnings

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage

BASE = {
    "en": ["The sky is blue.", "We drink tea.", "It is late."],
    "sv": ["Himlen är blå.", "Vi dricker te.", "Det är sent."],
}


def load(table, **options):
    """Languages, what was left out, and all warnings in one text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        corpus = wb.load_corpus(pd.DataFrame(table), **options)
    return list(corpus.languages), corpus.info.get("ignored", []), " ".join(str(one.message) for one in caught)


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Id", [1, 2, 3]),
        ("ID", ["a7", "b7", "c7"]),
        ("no", ["1", "2", "3"]),
        ("is", ["true", "false", "true"]),
        ("is", [True, False, True]),
        ("as", ["noun", "verb", "noun"]),
        ("to", ["Anna", "Bert", "Cem"]),
        ("my", ["first", "second", "third"]),
        ("am", ["This one is good.", "That one is not.", "A note."]),
        ("or", ["x or y", "y or z", "a or b"]),
        ("he", ["He sleeps here.", "He eats there.", "He is old."]),
        ("da", [0.7, 0.2, 0.9]),
        ("fr", ["12", "40", "7"]),
        ("mt", ["Himlen är grå.", "Vi dricker te.", "Det är sen."]),
        ("age", [31, 32, 33]),
        ("len", ["4", "3", "3"]),
        ("seg", ["1", "1", "2"]),
        ("src", ["The sky is blue.", "We drink tea.", "It is late."]),
        ("run", ["first run", "first run", "next run"]),
        ("sun", ["3 h", "4 h", "5 h"]),
        ("lp", ["en-sv"] * 3),
        ("sentence_id", ["a1", "a2", "a3"]),
        ("doc_id", ["x", "x", "y"]),
        ("dev", ["yes it is", "no it is not", "maybe it is"]),
    ],
)
def test_metadata_is_left_out_and_named(header, cells):
    languages, ignored, message = load({header: cells} | BASE)
    assert languages == ["en", "sv"]
    if header.lower() != "id":  # which names the rows instead
        assert ignored == [header]
        assert header in message


@pytest.mark.parametrize(
    ("header", "cells", "code", "message"),
    [
        ("id", ["Langit itu biru.", "Kami minum teh.", "Sudah larut."], "id", "'id' as Indonesian"),
        ("no", ["Himmelen er blå.", "Vi drikker te.", "Det er sent."], "no", "'no' as Norwegian"),
        ("is", ["Himinninn er blár.", "Við drekkum te.", "Það er seint."], "is", "'is' as Icelandic"),
        ("mt", ["Is-sema huwa blu.", "Nixorbu t-te.", "Sar il-ħin."], "mt", "'mt' as Maltese"),
        ("he", ["השמיים כחולים.", "אנחנו שותים תה.", "מאוחר."], "he", ""),
        ("am", ["ሰማዩ ሰማያዊ ነው።", "ሻይ እንጠጣለን።", "መሽቷል።"], "am", ""),
        ("sentence_eng_Latn", BASE["sv"], "en", ""),
        ("translation.de", BASE["sv"], "de", ""),
        ("German", BASE["sv"], "de", ""),
    ],
)
def test_languages_that_look_like_metadata_are_read_and_named(header, cells, code, message):
    base = {"fi": ["Taivas on sininen.", "Juomme teetä.", "On myöhä."]}
    languages, ignored, warned = load({header: cells} | base)
    assert (languages, ignored) == ([code, "fi"], [])
    assert message in warned
    assert bool(warned) == bool(message)


def test_capitals_follow_the_other_codes():
    cells = ["Langit itu biru.", "Kami minum teh.", "Sudah larut."]
    assert load({"ID": cells, "EN": BASE["en"]})[0] == ["id", "en"]
    assert load({"ID": cells, "en": BASE["en"]})[0] == ["en"]


def test_the_user_has_the_last_word():
    table = {"mt": BASE["sv"], "src": BASE["en"], "system": ["A", "B", "A"]}
    with pytest.raises(BadCorpus, match=r"mt, src, system\); 'mt' is none: .*columns=\{'mt': 'de'\}"):
        wb.load_corpus(pd.DataFrame(table))
    assert load(table, columns={"mt": "sv", "src": "en"})[:2] == (["sv", "en"], ["system"])
    assert load(table, columns={"mt": None, "src": "English"})[:2] == (["en"], ["mt", "system"])
    assert load(table, languages="mt")[0] == ["mt"]
    assert load(BASE | {"seg": BASE["sv"]}, languages="seg,en")[0] == ["seg", "en"]
    assert load({"x": BASE["en"], "code": ["en", "en", "sv"]}, columns={"x": "text", "code": "language"})[0] == [
        "en",
        "sv",
    ]


def test_wrong_words_of_the_user():
    for columns, error in (({"xy": "de"}, BadArgument), ({"en": "zzzz"}, UnknownLanguage), ("en", BadArgument)):
        with pytest.raises(error):
            wb.load_corpus(pd.DataFrame(BASE), columns=columns)


@pytest.mark.parametrize(
    "options", [{"languages": 5}, {"aligned": "yes"}, {"deduplicate": None}, {"normalize": 5}, {"columns": ["en"]}]
)
def test_options_of_another_type_are_refused(options):
    with pytest.raises(BadArgument, match=next(iter(options))):
        wb.load_corpus(pd.DataFrame(BASE), **options)


def test_numbers_among_texts_are_named_with_their_column():
    with pytest.raises(BadCorpus, match=r"row 1: 5 is int, not text, in column 'sv'"):
        wb.load_corpus(pd.DataFrame(BASE | {"sv": ["a", 5, "b"]}))


def test_two_columns_of_one_language_are_refused_and_of_two_kept_apart():
    texts = BASE["en"]
    for one, other in (("de", "deu"), ("zh", "cmn_Hans"), ("German", "DE"), ("ar", "arb_Arab")):
        with pytest.raises(BadCorpus, match=f"two columns are in .*{one!r} and {other!r}; keep one, with columns="):
            wb.load_corpus(pd.DataFrame({one: texts, other: texts}))
    assert load({"zh-Hans": texts, "zh-Hant": texts})[0] == ["zh", "zh-Hant"]
    assert load({"pt-BR": texts, "pt-PT": texts, "pt": texts})[0] == ["pt-BR", "pt-PT", "pt"]
    assert load({"sr-Latn": texts, "sr_Cyrl": texts})[0] == ["sr-Latn", "sr"]


def test_many_columns_are_one_line_and_soon():
    table = {f"column {i}": ["x"] for i in range(20_000)}
    with pytest.raises(BadCorpus) as caught:
        wb.load_corpus(pd.DataFrame(table))
    assert len(str(caught.value)) < 700


def test_a_word_list_keeps_indonesian_and_leaves_numbers(tmp_path):
    path = tmp_path / "words.tsv"
    path.write_text("id\tsv\tfi\nkucing\tkatt\tkissa\nkuda\thäst\thevonen\n")
    with pytest.warns(UserWarning, match="reads 'id' as Indonesian"):
        words = wb.load_words(path)
    assert words.to_dict("list") == {"id": ["kucing", "kuda"], "sv": ["katt", "häst"], "fi": ["kissa", "hevonen"]}
    assert wb.load_words(path, columns={"id": None}).index.tolist() == ["kucing", "kuda"]
    assert list(wb.load_words(path, languages="fi,id").columns) == ["fi", "id"]
    path.write_text("id\tsv\tfi\tlen\n1\tkatt\tkissa\t4\n2\thäst\thevonen\t5\n")
    with pytest.warns(UserWarning, match="left out: len"):
        words = wb.load_words(path)
    assert (list(words.columns), words.index.tolist()) == (["sv", "fi"], ["1", "2"])
    assert words.attrs["ignored"] == ["len"]
