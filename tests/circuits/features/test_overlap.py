"""Jaccard's index against sets in plain Python, and its control on texts with and without shared meaning."""

import itertools

import numpy as np
import pytest

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from tests.circuits.features.test_firing import loops
from workbench.errors import BadCorpus
from workbench.text.corpus import Corpus

TEXTS = {
    "de": ("Der Hund bellt", "Es regnet", "Na ja", "Gut"),
    "en": ("The dog barks", "It rains", "No", "Good"),
    "fr": ("Le chien aboie", "Il pleut", "Non", "Bon"),
}


def sets(model, made, place):
    """Active features of every text, by language."""
    return {
        code: [set(np.flatnonzero((loops(model, made, text)[place] > 0).any(0).numpy())) for text in texts]
        for code, texts in TEXTS.items()
    }


def test_indices_are_those_of_sets():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    result = wb.circuits.overlap(
        made, model, Corpus(TEXTS, aligned=True, source="test"), permutations=19, batch_size=2, progress=False
    )
    for place in range(model.n_layers):
        active = sets(model, made, place)
        aligned, shuffled = {}, {}
        for k, j in itertools.combinations(TEXTS, 2):
            index = [[len(a & b) / len(a | b) for b in active[j]] for a in active[k]]
            aligned[k, j] = np.mean([index[i][i] for i in range(4)])
            shuffled[k, j] = np.mean([index[i][m] for i in range(4) for m in range(4) if i != m])
            own = result.sel(language=k, other=j).isel(layer=place)
            assert float(own.pair_jaccard) == pytest.approx(aligned[k, j])
            assert float(own.pair_shuffled) == pytest.approx(shuffled[k, j])
            assert float(own.pair_excess) == pytest.approx(aligned[k, j] - shuffled[k, j])
            assert float(result.pair_excess.sel(language=j, other=k)[place]) == float(own.pair_excess)
        assert float(result.jaccard[place]) == pytest.approx(np.mean(list(aligned.values())))
        assert float(result.shuffled[place]) == pytest.approx(np.mean(list(shuffled.values())))
        for code in TEXTS:
            assert float(result.active.sel(language=code)[place]) == np.mean([len(s) for s in active[code]])
    assert np.isnan(result.pair_excess.sel(language="de", other="de")).all()


def words(same: bool):
    """Texts of twelve rows; the second language repeats the first's where `same`, else says something unrelated."""
    rows = tuple(f"{a}{b}{a}" for a, b in itertools.product("bcdf", "xyz"))
    return Corpus({"de": rows, "en": rows if same else rows[5:] + rows[:5]}, aligned=True, source="test")


def test_the_same_texts_exceed_shuffled_ones_and_others_do_not():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    same = wb.circuits.overlap(made, model, words(True), permutations=199, progress=False)
    assert (same.jaccard == 1).all()
    assert (same.excess_low > 0).all()
    assert (same.p_value == 1 / 200).all()
    other = wb.circuits.overlap(made, model, words(False), permutations=199, progress=False)
    assert (other.p_value > 0.05).all()
    assert (other.jaccard > 0.3).all()  # raw overlap is high all the same: features fire often


def test_rows_that_repeat_are_not_shuffled_against_each_other():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    corpus = words(True)
    twice = Corpus({code: rows * 2 for code, rows in corpus.texts.items()}, aligned=True, source="test")
    one = wb.circuits.overlap(made, model, corpus, permutations=5, progress=False)
    two = wb.circuits.overlap(made, model, twice, permutations=5, progress=False)
    np.testing.assert_allclose(one.shuffled, two.shuffled)


def test_the_order_of_the_rows_changes_nothing():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    turned = Corpus({k: v[::-1] for k, v in TEXTS.items()}, aligned=True, source="test")
    results = [
        wb.circuits.overlap(made, model, corpus, permutations=9, progress=False)
        for corpus in (Corpus(TEXTS, aligned=True, source="test"), turned)
    ]
    for name in ("excess", "excess_low", "p_value", "pair_p_value"):
        np.testing.assert_allclose(results[0][name], results[1][name])


def test_unaligned_texts_are_refused():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    with pytest.raises(BadCorpus, match="not aligned"):
        wb.circuits.overlap(made, model, Corpus(TEXTS, aligned=False, source="test"))
    few = Corpus({k: v[:2] for k, v in TEXTS.items()}, aligned=True, source="test")
    with pytest.raises(BadCorpus, match="three different rows"):
        wb.circuits.overlap(made, model, few)
