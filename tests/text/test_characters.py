"""Composition, hidden characters and repeats, beside answers written out by hand."""

import unicodedata
import warnings

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument
from workbench.text.characters import plain, tokenizable
from workbench.text.corpus import Corpus

LONG = ("Hyvää yötä.", "Älä mene.", "Yö on pitkä.")


def decomposed(texts):
    return [unicodedata.normalize("NFD", text) for text in texts]


def test_texts_come_in_one_composition_and_it_is_said():
    source = {"fi": decomposed(LONG), "en": ["Good night.", "Do not go.", "The night is long."]}
    with pytest.warns(UserWarning, match=r"brought into NFC: fi 3; normalize=None leaves them"):
        corpus = wb.load_corpus(source)
    assert corpus.texts["fi"] == LONG
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wb.load_corpus(source, normalize=None).texts["fi"] == tuple(decomposed(LONG))
    assert wb.load_corpus({"fi": LONG}, normalize="NFD").texts["fi"] == tuple(decomposed(LONG))
    with pytest.raises(BadArgument, match="normalize='nfc'"):
        wb.load_corpus(source, normalize="nfc")


def test_word_lists_in_both_compositions_are_one(tmp_path):
    words = {"fi": ["yö", "pää", "työ", "tie"], "de": ["Nacht", "Köpfe", "Arbeit", "Weg"]}
    right = wb.load_words(pd.DataFrame(words))
    other = pd.DataFrame({code: decomposed(column) for code, column in words.items()})
    with pytest.warns(UserWarning, match="brought into NFC: fi 3, de 1"):
        read = wb.load_words(other)
    pd.testing.assert_frame_equal(read, right)
    assert read.attrs["hash"] == right.attrs["hash"]
    with pytest.warns(UserWarning, match="brought into NFC"):
        pairs = wb.translation_pairs(other, source="fi", target="de", shots=1)
    assert {pair.answer for pair in pairs} == set(words["de"])
    left = wb.load_words(other, normalize=None)
    assert left["fi"].tolist() == decomposed(words["fi"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = wb.translation_pairs(left, source="fi", target="de", shots=1)
    assert {pair.answer for pair in pairs} == set(decomposed(words["de"]))


@pytest.mark.parametrize(
    ("character", "name"),
    [("\u202e", "U+202E (right-to-left override)"), ("\u2066", "U+2066"), ("\x07", "U+0007"), ("\ufeff", "U+FEFF")],
)
def test_hidden_characters_are_counted_and_named(character, name):
    with pytest.warns(UserWarning) as caught:
        wb.load_corpus({"fi": [f"Hy{character}vää", "yötä", f"{character}{character}"], "en": ["a"]})
    (message,) = [str(one.message) for one in caught]
    assert "hidden or non-text characters (fi 2)" in message
    assert f"{name}" in message and message.endswith("in 2")


def test_what_languages_need_is_not_hidden():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wb.load_corpus(
            {"fa": ["می\u200cخواهم"], "hi": ["क्\u200dष"], "he": ["א\u200fב"], "th": ["ก\u200bข"], "en": ["a\tb\nc"]}
        )


def test_repeats_are_counted_whatever_their_composition_and_space():
    texts = ["Yö  on.", "yö on.", unicodedata.normalize("NFD", "Yö on."), "Yö\u00a0on.", "Päivä."]
    with pytest.warns(UserWarning, match="no further evidence: fi 2; deduplicate=True"):
        corpus = wb.load_corpus({"fi": texts}, normalize=None)
    assert corpus.info["repeated"] == {"fi": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        once = wb.load_corpus({"fi": texts}, normalize=None, deduplicate=True)
    assert once.texts["fi"] == (texts[0], texts[1], texts[4])
    assert "repeated" not in once.info


def test_aligned_rows_are_dropped_only_when_all_languages_repeat():
    table = pd.DataFrame({"id": ["r1", "r2", "r3", "r4"], "fi": ["a", "a", "a", "b"], "sv": ["x", "y", "x", "x"]})
    with pytest.warns(UserWarning, match="no further evidence: fi 2, sv 2"):
        corpus = wb.load_corpus(table)
    assert corpus.repeated == {"fi": 2, "sv": 2}
    once = corpus.distinct()
    assert once.texts == {"fi": ("a", "a", "b"), "sv": ("x", "y", "x")}
    assert once.ids == ("r1", "r2", "r4")


def test_halves_share_no_text_when_repeats_are_dropped_first():
    texts = [f"teksti {i % 30}" for i in range(120)]
    train, test = (wb.load_corpus({"fi": texts}, deduplicate=True, split=half) for half in ("train", "test"))
    assert len(train) + len(test) == 30
    assert not set(map(plain, train.texts["fi"])) & set(map(plain, test.texts["fi"]))


HALF = "\ud83d"  # of U+1F600, whose other half is U+DE00


@pytest.mark.parametrize(
    ("text", "read"),
    [("ab", "ab"), (f"a{HALF}b", "a\ufffdb"), (f"{HALF}\ude00", "\U0001f600"), (f"\ude00{HALF}", "\ufffd\ufffd")],
)
def test_half_a_character_is_the_replacement_character(text, read):
    assert tokenizable(text) == read


def test_half_a_character_is_mended_wherever_texts_come_from():
    half = r"\(de 1\): U\+D83D \(half a character, read as U\+FFFD\) in 1"
    with pytest.warns(UserWarning, match=half):
        corpus = wb.load_corpus({"de": [f"Hund{HALF}", "Katze"], "en": ["dog", "cat"]})
    with pytest.warns(UserWarning, match=half):
        by_hand = Corpus({"de": (f"Hund{HALF}", "Katze"), "en": ("dog", "cat")}, False, "test", user={"de": HALF})
    assert corpus.texts == by_hand.texts == {"de": ("Hund\ufffd", "Katze"), "en": ("dog", "cat")}
    assert by_hand.user == {"de": "\ufffd"}
    with pytest.warns(UserWarning, match=half):
        words = wb.load_words(pd.DataFrame({"en": ["dog"], "de": [f"H{HALF}nd"]}, dtype=object), normalize=None)
    assert words["de"].tolist() == ["H\ufffdnd"]
    named = wb.load_words(pd.DataFrame({"concept": [HALF], "en": ["dog"], "de": ["Hund"]}, dtype=object))
    assert named.index.tolist() == ["\ufffd"]


def test_an_identifier_and_a_model_are_given_no_half_character():
    seen = []
    wb.neurons.compare_identifiers([f"a{HALF}"], {"one": seen.append, "two": lambda text: None})
    assert seen == ["a\ufffd"]
    assert wb.neurons.by_lingua(["de", "en"])(f"Das ist gut {HALF}") == "de"
