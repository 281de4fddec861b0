"""Which texts are one, by hand."""

import numpy as np

from workbench.results.make import make_result, provenance
from workbench.text.clusters import joined, numbered, pooled, recorded_clusters, repeats_record, text_clusters
from workbench.text.corpus import Corpus
from workbench.text.pairs import load_pairs

TEXTS = {"de": ("a b", "c", "a  b", "é", "c"), "fr": ("x", "y", "z", "e\u0301", "x")}


def test_a_text_is_one_with_those_that_differ_in_white_space_or_composition():
    assert numbered(["x", "y", "x"]).tolist() == [0, 1, 0]
    assert text_clusters({**TEXTS, "en": ("e\u0301", "é")}).tolist() == [
        [0, 1, 0, 2, 1],
        [0, 1, 2, 3, 0],
        [0, 0, -1, -1, -1],
    ]


def test_rows_are_joined_where_any_language_repeats():
    clusters = text_clusters(TEXTS)  # rows 0 and 2, 1 and 4 in German; 0 and 4 in French: so 0, 1, 2, 4 are one
    assert joined(clusters).tolist() == [0, 0, 0, 1, 0]
    assert pooled(clusters, aligned=True).tolist() == [0, 0, 0, 1, 0]
    assert pooled(np.array([[0, 1, 0], [0, 1, -1]]), aligned=False).tolist() == [0, 1, 0, 2, 3, -1]


def test_a_corpus_splits_repeats_into_one_half():
    texts = tuple(f"text {i}" for i in range(6))
    corpus = Corpus({"de": texts}, aligned=True, source="dict")
    many = Corpus({"de": tuple(text for text in texts for _ in range(8))}, aligned=True, source="dict")
    for half in ("train", "test"):
        assert set(many.split(half).texts["de"]) == set(corpus.split(half).texts["de"])


def test_what_a_result_records_gives_the_clusters_back():
    corpus = Corpus(TEXTS, aligned=True, source="dict")
    record = repeats_record(corpus.clusters, corpus.languages)
    assert record == {"de": [[2, 0], [4, 1]], "fr": [[4, 0]]}
    made = make_result({"x": (("language",), [1, 2], "x")}, {}, method="x", parameters={}, corpus=corpus.info)
    info = provenance(made)["corpus"]
    assert info["distinct"] == {"de": 3, "fr": 4}
    for joint, expected in ((False, corpus.clusters), (True, corpus.row_clusters)):
        found = recorded_clusters(info, ["de", "fr"], range(5), joint=joint)
        np.testing.assert_array_equal(found, expected)
    assert recorded_clusters(info, ["de"], [2, 3, 0], joint=False).tolist() == [[0, 1, 0]]
    assert recorded_clusters(Corpus({"de": ("a", "b")}, True, "dict").info, ["de"], [0, 1], joint=True) is None


def test_pairs_are_one_where_both_prompts_are():
    row = {"source": "a b", "target": "c", "answer": "x", "foil": "y"}
    pairs = load_pairs([row, {**row, "target": "d"}, {**row, "source": "a  b", "answer": "z"}])
    assert pairs.clusters.tolist() == [0, 1, 0]
    assert pairs.info["distinct"] == {"pairs": 2} and pairs.info["counts"] == {"pairs": 3}
    assert "distinct" not in load_pairs([row]).info
