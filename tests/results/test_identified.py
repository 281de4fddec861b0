"""How far two identifiers agree: a table by hand, and the figures that show it."""

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus
from workbench.results.files import load_result, save_result
from workbench.results.identified import compare_identifiers
from workbench.text.corpus import Corpus

TEXTS = ["a", "ab", "b", "?", "c", "cb"]
BY_FIRST = {"a": "de", "b": "en", "c": "fr"}


def first(text):
    return BY_FIRST.get(text[0])


def last(text):
    return {"a": "de", "b": "en"}.get(text[-1])


def test_the_table_by_hand():
    found = compare_identifiers(TEXTS, {"first": first, "last": last})
    assert found.texts.dims == ("first", "last")
    assert found["first"].values.tolist() == found["last"].values.tolist() == ["de", "en", "fr", "none"]
    # a: de de, ab: de en, b: en en, ?: none none, c: fr none, cb: fr en
    assert found.texts.values.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]]
    assert found.unidentified.sel(identifier=["first", "last"]).values.tolist() == [1, 2]
    assert found.attrs["agreement"] == pytest.approx(3 / 6)
    assert found.attrs["agreement_low"] <= 0.5 <= found.attrs["agreement_high"]
    assert found.attrs["n_texts"] == 6


def test_translations_are_drawn_together():
    rows = Corpus({"de": ("a", "c"), "en": ("a", "c")}, True, "test")  # both of row 0 agree, both of row 1 do not
    aligned = compare_identifiers(rows, {"first": first, "last": last}).attrs
    free = compare_identifiers(Corpus(rows.texts, False, "test"), {"first": first, "last": last}).attrs
    assert aligned["agreement"] == free["agreement"] == 0.5
    assert (aligned["agreement_low"], aligned["agreement_high"]) == (0, 1)
    assert free["agreement_high"] - free["agreement_low"] <= 1


def test_it_is_drawn_and_saved(tmp_path):
    found = wb.neurons.compare_identifiers(TEXTS, {"first": first, "last": last})
    for figure in (wb.figures.matrix(found, "texts"), wb.figures.heatmap(found, "texts")):
        np.testing.assert_array_equal(np.sort(np.ravel(figure.data[0].z)), np.sort(found.texts.values.ravel()))
        assert "identifiers" in figure.layout.title.text
    save_result(found, tmp_path / "found.nc")
    assert load_result(tmp_path / "found.nc").identical(found)


def test_the_shipped_languages_by_default():
    found = compare_identifiers(["Das ist ein gutes Haus.", "안녕하세요 여러분", "12"])
    assert found.texts.dims == ("trigrams", "lingua")
    assert int(found.texts.sel(trigrams="de", lingua="de")) == 1
    assert found.unidentified.values.tolist() == [2, 2]


def test_what_does_not_fit_is_refused():
    for wrong in ({"one": first}, {"a": first, "texts": last}):
        with pytest.raises(BadArgument, match="give two by name"):
            compare_identifiers(TEXTS, wrong)
    with pytest.raises(BadArgument, match="give a dict of functions"):
        compare_identifiers(TEXTS, [first, last])
    for texts in ("abc", 3, [1, 2]):
        with pytest.raises(BadArgument, match=r"a Corpus .* or a list of texts"):
            compare_identifiers(texts, {"first": first, "last": last})
    with pytest.raises(BadCorpus, match="no text"):
        compare_identifiers([], {"first": first, "last": last})


def test_spellings_of_one_language_agree():
    one = {"a": "deu", "b": "zh-CN"}.get
    other = {"a": "de", "b": "zho"}.get
    for texts in (["a", "b"], Corpus({"de": ("a",), "zh": ("b",)}, False, "test")):
        found = compare_identifiers(texts, {"one": one, "other": other})
        assert found.attrs["agreement"] == 1.0
        assert found["one"].values.tolist() == ["de", "zh", "none"]
        assert found.texts.values.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.filterwarnings("ignore:.*the only variety")
def test_a_bare_code_agrees_with_the_one_variety_that_the_other_names():
    bare, full = {"a": "zh", "b": "pt"}.get, {"a": "zh-TW", "b": "pt-BR"}.get
    for texts in (["a", "b"], Corpus({"zh-TW": ("a",), "pt-BR": ("b",)}, False, "test")):
        for identifiers in ({"one": bare, "other": full}, {"one": full, "other": bare}):
            assert compare_identifiers(texts, identifiers).attrs["agreement"] == 1.0
