import warnings

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.text.corpus import Corpus


def aligned(rows=6):
    return Corpus(
        {"de": tuple(f"Satz {i}" for i in range(rows)), "ja": tuple(f"文 {i}" for i in range(rows))},
        True,
        "test",
        ids=tuple(f"n{i}" for i in range(rows)),
    )


def test_counts_length_and_order():
    corpus = Corpus({"tr": ["bir", "iki"], "ar": ["واحد"]}, False, "test")
    assert corpus.languages == ("tr", "ar")
    assert corpus.counts == {"tr": 2, "ar": 1}
    assert len(corpus) == 3
    assert corpus.texts["tr"] == ("bir", "iki")
    assert repr(corpus) == "Corpus(test, not aligned: tr 2, ar 1)"


def test_hash_follows_content_and_not_the_order_of_languages():
    corpus = aligned()
    assert len(corpus.hash) == 64
    assert corpus.select(["ja", "de"]).hash == corpus.hash
    assert corpus.limit(5).hash != corpus.hash
    swapped = Corpus({"de": corpus.texts["ja"], "ja": corpus.texts["de"]}, True, "test")
    assert swapped.hash != corpus.hash


def test_hash_keeps_the_bounds_of_texts_apart():
    assert Corpus({"de": ["ab", "c"]}, False, "").hash != Corpus({"de": ["a", "bc"]}, False, "").hash


def test_select_keeps_the_asked_order_and_standardises():
    corpus = aligned()
    assert corpus.select(["ja", "DE"]).languages == ("ja", "de")
    assert corpus.select("ja, de").languages == ("ja", "de")
    for twice in (["de", "de"], "de,DE"):
        with pytest.raises(BadArgument, match="has de twice; name each language once"):
            corpus.select(twice)
    assert corpus.select("de").ids == corpus.ids


def test_select_says_what_there_is():
    with pytest.raises(UnknownLanguage) as caught:
        aligned().select(["de", "xx"])
    assert str(caught.value) == "'xx' is not in this corpus (has: de, ja)"
    with pytest.raises(UnknownLanguage, match="'fr' is not in this corpus"):
        aligned().select(["fr"])
    with pytest.raises(BadArgument, match="names none"):
        aligned().select([])


def test_limit_takes_the_first_rows_with_their_ids():
    corpus = aligned().limit(2)
    assert corpus.texts == {"de": ("Satz 0", "Satz 1"), "ja": ("文 0", "文 1")}
    assert corpus.ids == ("n0", "n1")
    assert aligned().limit(100).counts == {"de": 6, "ja": 6}


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "3"])
def test_limit_refuses_what_keeps_nothing(n):
    with pytest.raises(BadArgument, match="limit"):
        aligned().limit(n)


def test_split_halves_alike_in_every_language():
    corpus = aligned(101)
    train, test = corpus.split("train"), corpus.split("test")
    for half in (train, test):
        rows = [int(one[1:]) for one in half.ids]
        assert half.aligned
        assert half.texts["de"] == tuple(f"Satz {i}" for i in rows)
        assert half.texts["ja"] == tuple(f"文 {i}" for i in rows)
    assert sorted(train.ids + test.ids) == sorted(corpus.ids)
    assert abs(len(train.ids) - len(test.ids)) == 1
    assert train.source == "test[train]"


def test_split_is_neither_even_and_odd_nor_moved_by_more_rows():
    small, large = aligned(20).split("train"), aligned(60).split("train")
    assert large.ids[: len(small.ids)] == small.ids
    assert len({int(one[1:]) % 2 for one in large.ids}) == 2


def test_split_refuses_other_names_and_single_texts():
    with pytest.raises(BadArgument, match="'train' and 'test'"):
        aligned().split("dev")
    with pytest.raises(BadCorpus, match="one text in de, ja"):
        aligned(1).split("train")


def test_frame_has_a_row_per_item():
    expected = pd.DataFrame(
        {"de": ["Satz 0", "Satz 1"], "ja": ["文 0", "文 1"]}, index=pd.Index(["n0", "n1"], name="id")
    )
    pd.testing.assert_frame_equal(aligned(2).frame(), expected)
    with pytest.raises(BadCorpus, match="not aligned"):
        Corpus({"de": ["a"], "en": ["b"]}, False, "test").frame()


def test_info_is_what_a_result_records():
    info = aligned(2).info
    assert info["languages"] == ["de", "ja"]
    assert info["counts"] == {"de": 2, "ja": 2}
    assert info["hash"] == aligned(2).hash


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({}, "no language"),
        ({"de": []}, "no text in 'de'"),
        ({"de": ["a"], "en": ["b", "  "]}, "text 1 in 'en' is blank"),
        ({"de": ["a", "b"], "en": ["c"]}, "differ in length"),
    ],
)
def test_what_is_no_aligned_corpus_is_refused(texts, says):
    with pytest.raises(BadCorpus, match=says):
        Corpus(texts, True, "test")


def test_ids_name_rows_one_by_one():
    with pytest.raises(BadCorpus, match="ids"):
        Corpus({"de": ["a", "b"]}, True, "test", ids=("only one",))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"texts": "x"}, "texts='x'; give a dict of lists"),
        ({"texts": {"de": "Hallo"}}, r"texts=\{'de': 'Hallo'\}; give a dict of lists"),
        ({"texts": {3: ["Hallo"]}}, r"texts=\{3: \['Hallo'\]\}; give a dict of lists"),
        ({"aligned": "yes"}, "aligned='yes'; give True or False"),
        ({"source": None}, "source=None; give a text"),
        ({"user": {"de": 3}}, "user=.*; give a dict of texts"),
        ({"dropped": "a"}, "dropped='a'; give a whole number"),
    ],
)
def test_a_corpus_by_hand_is_checked(given, says):
    with pytest.raises(BadArgument, match=says):
        Corpus(**{"texts": {"de": ("Hallo",)}, "aligned": True, "source": "test", **given})


@pytest.mark.parametrize("japanese", [("d", "e"), ("d",)])
def test_a_frame_of_texts_is_read_back_as_the_corpus(japanese):
    corpus = Corpus({"de": ("a b", "c"), "ja": japanese}, len(japanese) == 2, "test")
    frame = corpus.to_frame()
    rows = [("de", 0, "a b"), ("de", 1, "c"), ("ja", 0, "d"), ("ja", 1, "e")][: len(corpus)]
    assert list(frame.reset_index()[["language", "sample", "text"]].itertuples(index=False, name=None)) == rows
    assert (list(frame), frame.index.name) == (["language", "text"], "sample")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = wb.load_corpus(frame, aligned=corpus.aligned)
    assert (again.texts, again.aligned) == (corpus.texts, corpus.aligned)


def test_a_corpus_of_many_languages_says_so_in_a_line():
    codes = [first + second for first in "abcd" for second in "rstu"]
    line = repr(Corpus(dict.fromkeys(codes, ("x",)), True, "test"))
    assert line == f"Corpus(test, aligned: {', '.join(f'{code} 1' for code in codes[:12])} and 4 more)"


def test_a_corpus_in_a_notebook_obeys_nothing():
    page = Corpus({"de": ("<script>x</script>", "b"), "he": ("\u05e2\u05d1",)}, False, "<i>name</i>")._repr_html_()
    assert "<script" not in page and "<i>" not in page and "&lt;script&gt;" in page
    assert "<bdi>\u05e2\u05d1</bdi>" in page and "<bdi>de</bdi></td>" in page
