"""What the files of pairs contain, and what nothing contains."""

import numpy as np
import pytest

import workbench as wb
from workbench.laboratories.pretraining.documents import Sources, plain_text, shipped_sources


@pytest.fixture(scope="module")
def sources() -> Sources:
    return shipped_sources(["fr", "de", "en"])


def test_neighbours_have_a_file_in_the_order_of_codes(sources):
    assert sources.languages == ("fr", "de", "en")
    assert sources.pairs == (("de", "fr"), ("de", "en"))


def test_a_file_lacks_every_fifth_word_and_another_file_has_it(sources):
    first, second = (set(sources.file(pair)) for pair in sources.pairs)
    sentences = len(sources.sentences)
    assert len(first) == len(second) == sentences + 48
    assert set(range(sentences)) <= first & second
    for concept in range(60):
        number = sentences + concept
        assert (number in first) == sources.trained(concept, "fr", "de") == (concept % 5 != 0)
        assert (number in second) == sources.trained(concept, "en", "de") == (concept % 5 != 1)
        assert not sources.trained(concept, "fr", "en")
        assert number in first | second


def test_no_word_is_the_same_in_two_languages(sources):
    assert len(sources.words) == 60
    for row in sources.words.to_numpy():
        assert len({word.casefold() for word in row}) == 3


def test_no_sentence_is_in_two_places(sources):
    for code in sources.languages:
        parts = [set(sources.text[code]), set(sources.sentences[code]), set(sources.test.texts[code])]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 120


def test_plain_text_is_of_one_language_and_of_no_file(sources):
    stream = plain_text(sources, np.random.default_rng(0))
    drawn = [next(stream) for _ in range(300)]
    assert {document.languages for document in drawn} == {("fr",), ("de",), ("en",)}
    for document in drawn:
        (code,) = document.languages
        lines = document.text.split("\n")
        words = set(sources.words[code])
        assert set(lines) <= set(sources.text[code]) or set(document.text.split()) <= words
        assert not set(lines) & set(sources.sentences[code])


def test_wrong_languages_are_refused():
    with pytest.raises(wb.errors.TooFewLanguages, match="two"):
        shipped_sources(["de"])
    with pytest.raises(wb.errors.BadArgument, match="twice"):
        shipped_sources(["de", "en", "de"])
    with pytest.raises(wb.errors.UnknownLanguage, match="xx"):
        shipped_sources(["de", "xx"])
    with pytest.raises(wb.errors.BadCorpus, match="900"):
        shipped_sources(["de", "en"], concepts=900)
