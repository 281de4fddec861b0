"""The texts that travel with the workbench: complete, distinct, in their own scripts."""

import re
import unicodedata
import warnings

import pytest

import workbench as wb
from workbench import shipped
from workbench.text import languages

# Character names of the scripts that letters of a language may have; Japanese mixes three.
SCRIPTS = {
    "ar": {"ARABIC"},
    "hi": {"DEVANAGARI"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"},
    "ru": {"CYRILLIC"},
    "zh": {"CJK"},
}


def scripts(text):
    """Scripts of the letters and marks of a text, by the first word of their Unicode names."""
    return {unicodedata.name(character).split()[0] for character in text if unicodedata.category(character)[0] in "LM"}


@pytest.fixture(scope="module")
def corpus():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return wb.load_corpus("parallel")


@pytest.fixture(scope="module")
def words():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return wb.load_words("words")


def columns(corpus, words):
    return [(code, *texts) for code, texts in corpus.texts.items()] + [(code, *words[code]) for code in words]


def test_a_hundred_aligned_sentences_in_twelve_languages(corpus):
    assert corpus.languages == languages.DEFAULT
    assert corpus.aligned
    assert corpus.dropped == 0
    assert min(corpus.counts.values()) >= 100
    assert len(set(corpus.ids)) == len(corpus.ids) == len(corpus.texts["en"])


def test_a_hundred_and_twenty_concepts_in_twelve_languages(words):
    assert tuple(words.columns) == languages.DEFAULT
    assert len(words) >= 120
    assert words.attrs["dropped"] == 0
    assert set(words.attrs["pos"]) == set(words.index)


def test_no_text_and_no_word_comes_twice_in_a_language(corpus, words):
    for code, *texts in columns(corpus, words):
        folded = [unicodedata.normalize("NFKC", text).casefold() for text in texts]
        twice = {text for text in folded if folded.count(text) > 1}
        assert not twice, (code, twice)


def test_everything_is_nfc_without_stray_spaces_or_quotes(corpus, words):
    for code, *texts in columns(corpus, words):
        for text in texts:
            assert unicodedata.is_normalized("NFC", text), (code, text)
            assert text == text.strip(), (code, text)
            assert not set(text) & set('\t\n\r"\ufeff\u200b\u00a0'), (code, text)


def test_letters_belong_to_the_script_of_their_language(corpus, words):
    for code, *texts in columns(corpus, words):
        allowed = SCRIPTS.get(code, {"LATIN"})
        for text in texts:
            found = scripts(text)
            assert found, (code, text)
            assert found <= allowed, (code, text, found - allowed)


def test_words_are_single_words(words):
    for code in words:
        for word in words[code]:
            assert len(word.split()) == 1, (code, word)


def test_sentences_vary_in_length(corpus):
    counts = sorted(len(text.split()) for text in corpus.texts["en"])
    assert counts[len(counts) // 10] <= 7
    assert counts[-len(counts) // 10] >= 16


@pytest.mark.parametrize("name", ["parallel", "words"])
def test_provenance_and_licence_lie_beside_the_texts(name):
    text = (shipped.DATA / f"{name}.md").read_text(encoding="utf-8")
    assert "licen" in text.lower()
    assert "provenance" in text.lower()


def test_every_pair_of_languages_makes_translation_pairs(words):
    for code in words.columns:
        pairs = wb.translation_pairs(words, source=code, target="en" if code != "en" else "de")
        assert len(pairs) == len(words)
        assert pairs.dropped == 0


def test_no_shipped_file_holds_a_path_of_the_machine_it_was_made_on():
    for path in shipped.DATA.glob("*/*.json"):
        assert not re.search(r'"(/tmp|/home|/root|/work)/', path.read_text(encoding="utf-8")), path
