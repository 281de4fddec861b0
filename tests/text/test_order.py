import numpy as np
import pytest

from workbench.results.statistics import interval
from workbench.text.corpus import Corpus
from workbench.text.order import sort_texts, text_order

TEXTS = {"fr": ("un", "deux", "trois", "deux"), "de": ("eins", "zwei", "drei", "eins"), "ja": ("一", "二", "三", "四")}


def corpus(rows=range(4), *, aligned=True, languages=tuple(TEXTS)):
    return Corpus({code: tuple(TEXTS[code][row] for row in rows) for code in languages}, aligned=aligned, source="test")


def test_joint_order_keeps_rows_together_whatever_the_order_of_languages_and_rows():
    first, *others = text_order(corpus(), joint=True)
    # by German, then French, then Japanese: drei, eins (deux), eins (un), zwei
    assert first.tolist() == [2, 3, 0, 1]
    assert all((order == first).all() for order in others)
    for rows in ([3, 1, 0, 2], [2, 3, 1, 0]):
        order = text_order(corpus(rows, languages=("ja", "fr", "de")), joint=True)[0]
        assert [rows[row] for row in order] == [2, 3, 0, 1]


@pytest.mark.parametrize("aligned", [False, True])
def test_an_order_of_its_own_needs_no_other_language(aligned):
    orders = text_order(corpus(aligned=aligned), joint=False)
    for code, order in zip(TEXTS, orders, strict=True):
        assert [TEXTS[code][row] for row in order] == sorted(TEXTS[code])
        assert (order == text_order(corpus(languages=(code,), aligned=aligned), joint=False)[0]).all()
    assert [order.tolist() for order in text_order(corpus(aligned=False), joint=True)] == [o.tolist() for o in orders]


@pytest.mark.parametrize("axis", [-2, 0, 1])
def test_samples_follow_and_absent_ones_stay(axis):
    uneven = Corpus({"fr": TEXTS["fr"], "de": TEXTS["de"][:2]}, aligned=False, source="test")
    values = np.array([[3.0, 1, 2, 1.5], [7, 8, np.nan, np.nan]])
    wanted = np.array([[1.0, 1.5, 2, 3], [7, 8, np.nan, np.nan]])  # deux, deux, trois, un; eins, zwei
    shaped = {-2: (slice(None),), 0: (..., None), 1: (None,)}[axis]
    np.testing.assert_array_equal(sort_texts(uneven, values[shaped], axis=axis), wanted[shaped])
    assert values[0, 0] == 3


def test_an_interval_takes_no_two_languages_from_one_draw():
    """Why an order of its own is enough for intervals of each language: they are the same one by one."""
    samples = np.random.default_rng(0).normal(size=(3, 4))
    together = interval(samples, axis=1, seed=5)
    alone = [interval(row, seed=5) for row in samples]
    np.testing.assert_allclose(np.stack(together, 1), np.array(alone), rtol=1e-12)
