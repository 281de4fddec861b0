"""Consistency: four items by hand, planted copies, and a null that stays quiet where picks are independent."""

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadResult, TooFewLanguages
from workbench.results.companions import companions
from workbench.results.make import make_result


def answered(choice, gold, k=4, *, aligned=1):
    """A Result of accuracy with these picks [language, item] and golds [item]."""
    choice, gold = np.array(choice), np.array(gold)
    languages = ["en", "de", "fr"][: len(choice)]
    score = np.zeros((*choice.shape, k))
    return make_result(
        {
            "choice": (("language", "item"), choice, "picks"),
            "gold": (("item", "option"), gold[:, None] == np.arange(k), "right"),
            "score": (("language", "item", "option"), score, "score [nats]"),
        },
        {"language": languages},
        method="evaluation.accuracy",
        parameters={},
        attrs={"aligned": aligned},
    )


def test_four_items_by_hand():
    result = wb.evaluation.consistency(answered([[0, 1, 2, 3], [0, 1, 3, 0]], [0, 1, 2, 0]))
    pair = result.sel(language_a="en", language_b="de")
    assert pair.agreement.item() == pair.both_right.item() == 0.5
    assert pair.same_wrong.item() == 0
    assert pair.expected.item() == pytest.approx(0.58333, abs=1e-5)
    assert pair.kappa.item() == pytest.approx(-0.2)
    assert pair.relative.item() == pytest.approx(0.66667, abs=1e-5)
    assert result.by_pivot.sel(language=["en", "de"]).values.tolist() == [1, 0.5]
    assert result.unanimous.item() == 0.5
    assert np.isnan(result.agreement.values.diagonal()).all()
    assert (result.agreement.values[0, 1], result.excess.values[0, 1]) == (
        result.agreement.values[1, 0],
        result.excess.values[1, 0],
    )


def planted(share, *, n=4000, k=4, seed=0):
    """Picks of two languages of accuracy 0.6: the second copies the first in `share` of the items."""
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, k, n)
    picks = []
    for _ in range(2):
        wrong = (gold + generator.integers(1, k, n)) % k
        picks.append(np.where(generator.random(n) < 0.6, gold, wrong))
    copied = np.where(generator.random(n) < share, picks[0], picks[1])
    return answered([picks[0], copied], gold, k)


def test_planted_copies_are_measured():
    result = wb.evaluation.consistency(planted(0.6), permutations=200).sel(language_a="en", language_b="de")
    chance = 0.6**2 + 0.4**2 / 3
    assert result.excess_low.item() < 0.6 * (1 - chance) < result.excess_high.item()
    assert result.kappa.item() == pytest.approx(0.6, abs=0.03)
    assert result.p_value.item() < 0.01


def test_independent_picks_are_not_significant():
    p = [
        wb.evaluation.consistency(planted(0, n=150, seed=seed), permutations=99).p_value.values[0, 1]
        for seed in range(60)
    ]
    assert 0.3 < np.mean(p) < 0.7 and np.mean(np.array(p) < 0.05) < 0.15


def test_accuracy_alone_makes_no_excess():
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 4, 3000)
    picks = [
        np.where(generator.random(3000) < 0.95, gold, (gold + 1 + generator.integers(0, 3, 3000)) % 4) for _ in "ab"
    ]
    result = wb.evaluation.consistency(answered(picks, gold), permutations=200).sel(language_a="en", language_b="de")
    assert result.agreement.item() > 0.88 and abs(result.excess.item()) < 0.02 and result.p_value.item() > 0.02


def test_options_that_vary_by_item():
    data = answered([[0, 1, 0, 1], [0, 1, 1, 0]], [0, 1, 0, 1], k=3)
    data["score"][:, :2, 2] = np.nan  # two options in the first two items, three in the others
    pair = wb.evaluation.consistency(data, permutations=50).sel(language_a="en", language_b="de")
    a, b = 1, 0.5
    assert pair.expected.item() == pytest.approx(a * b + (1 - a) * (1 - b) * np.mean([1, 1, 0.5, 0.5]))


def test_independence_where_options_vary_is_no_excess():
    generator = np.random.default_rng(4)
    n, k = 4000, np.repeat([2, 10], 2000)
    gold = generator.integers(0, k)
    picks = [
        np.where(generator.random(n) < np.where(k == 2, 0.95, 0.15), gold, (gold + generator.integers(1, k)) % k)
        for _ in "ab"
    ]
    data = answered(picks, gold, k=10)
    data["score"][:, k == 2, 2:] = np.nan
    pair = wb.evaluation.consistency(data, permutations=100).sel(language_a="en", language_b="de")
    assert abs(pair.excess.item()) < 0.02 and pair.excess_low.item() < 0 < pair.excess_high.item()


def test_several_right_options_are_refused():
    data = answered([[0, 1], [0, 1]], [0, 1])
    data["gold"][0, 2] = True
    with pytest.raises(BadResult, match="several right ones"):
        wb.evaluation.consistency(data)


def test_intervals_draw_items_with_all_languages():
    choice = [[0, 1, 2, 3, 0, 0], [0, 1, 3, 0, 0, 1]]
    result = wb.evaluation.consistency(answered(choice, [0, 1, 2, 0, 0, 0]), seed=5).sel(
        language_a="en", language_b="de"
    )
    drawn = np.random.default_rng(5).integers(0, 6, (1000, 6))
    same = np.array(choice[0]) == np.array(choice[1])
    assert result.agreement_low.item() == pytest.approx(np.quantile(same[drawn].mean(1), 0.025))


def test_a_pivot_in_any_spelling():
    own = answered([[0, 1, 2], [0, 1, 1], [1, 1, 2]], [0, 1, 2])
    plain, spelled = (wb.evaluation.consistency(own, pivot=pivot).by_pivot for pivot in ("de", "deu_Latn"))
    assert spelled.identical(plain)


def test_by_pivot_and_unanimous_have_the_intervals_of_a_plain_bootstrap():
    choice = np.array([[0, 1, 2, 3, 0, 0, 1], [0, 1, 3, 0, 0, 1, 1], [0, 2, 2, 0, 1, 1, 1]])
    result = wb.evaluation.consistency(answered(choice, [0, 1, 2, 0, 0, 0, 1]), pivot="de", seed=3, level=0.8)
    drawn = np.random.default_rng(3).integers(0, 7, (1000, 7))
    with_pivot, alike = choice == choice[1], (choice == choice[0]).all(0)
    for end, tail in (("low", 0.1), ("high", 0.9)):
        wanted = [np.quantile([with_pivot[k, row].mean() for row in drawn], tail) for k in range(3)]
        np.testing.assert_allclose(result[f"by_pivot_{end}"], wanted, atol=1e-12)
        assert result[f"unanimous_{end}"].item() == pytest.approx(np.quantile(alike[drawn].mean(1), tail), abs=1e-12)
        assert companions(result, "by_pivot")[end].identical(result[f"by_pivot_{end}"])
        assert companions(result, "unanimous")[end].identical(result[f"unanimous_{end}"])
    assert result.by_pivot.values == pytest.approx([4 / 7, 1, 4 / 7]) and result.unanimous.item() == pytest.approx(
        2 / 7
    )
    assert np.isnan(result.agreement.values.diagonal()).all(), "only by_pivot states that the pivot agrees with itself"


def test_items_that_a_language_lacks_do_not_count():
    result = wb.evaluation.consistency(answered([[0, 1, -1, 2], [0, 1, 2, 0]], [0, 1, 2, 0]))
    assert result["items"].item() == 3


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(BadResult, match="not aligned"):
        wb.evaluation.consistency(answered([[0, 1], [0, 1]], [0, 1], aligned=0))
    with pytest.raises(TooFewLanguages):
        wb.evaluation.consistency(answered([[0, 1]], [0, 1]))
    with pytest.raises(BadArgument, match="pivot='it'"):
        wb.evaluation.consistency(answered([[0, 1], [0, 1]], [0, 1]), pivot="it")
    with pytest.raises(BadResult, match="takes a Result"):
        wb.evaluation.consistency(wb.evaluation.consistency(answered([[0, 1], [0, 1]], [0, 1])))
