"""Mutual information: numbers by hand, another library's, and permuted labels."""

import numpy as np
import pytest
from scipy.stats import entropy

from workbench.errors import BadArgument
from workbench.laboratories.parts.information import bits, mutual_information


def test_numbers_by_hand():
    assert bits([[1, 0], [0, 1]]) == pytest.approx(1)
    assert bits([[1, 1], [1, 1]]) == 0
    assert bits(np.eye(8)) == pytest.approx(3)
    # 0.5 log2(0.5 / 0.375) + 0.25 log2(0.25 / 0.125) + 0.25 log2(0.25 / 0.375) by hand
    assert bits([[2, 0], [1, 1]]) == pytest.approx(0.311278, abs=1e-6)


def test_the_sum_of_the_entropies_minus_that_of_the_pairs():
    counts = np.random.default_rng(0).integers(0, 9, (5, 7))
    expected = entropy(counts.sum(0), base=2) + entropy(counts.sum(1), base=2) - entropy(counts.ravel(), base=2)
    assert bits(counts) == pytest.approx(expected)


def test_a_choice_that_is_the_language_says_all_of_it():
    result = mutual_information([0, 1] * 20, ["de", "fr"] * 20)
    assert float(result.information) == pytest.approx(1)
    assert float(result.highest) == pytest.approx(1)
    assert float(result.permuted_high) < 0.2
    assert float(result.p_value) == pytest.approx(1 / 1001)
    assert result["count"].values.tolist() == [[20, 0], [0, 20]]
    assert result.language.values.tolist() == ["de", "fr"]


def test_a_choice_of_one_number_says_nothing():
    result = mutual_information([3] * 10, ["de", "fr"] * 5)
    assert float(result.information) == float(result.permuted_high) == 0
    assert float(result.p_value) == 1


def test_independent_choices_exceed_the_quantile_as_often_as_it_says():
    rng = np.random.default_rng(1)
    languages = ["de", "fr", "ja"] * 20
    above = []
    for number in range(200):
        result = mutual_information(rng.integers(0, 4, 60).tolist(), languages, permutations=100, seed=number)
        above.append(bool(result.information > result.permuted_high))
        assert float(result.permuted_mean) > 0.02  # what chance alone shares in few texts
    assert 2 <= sum(above) <= 22  # 10 expected, standard deviation 3.1


def test_the_order_of_the_texts_does_not_matter_and_a_seed_repeats():
    first = mutual_information([0, 1, 1, 2], ["de", "de", "fr", "fr"])
    other = mutual_information([2, 1, 1, 0], ["fr", "fr", "de", "de"])
    assert float(first.information) == float(other.information)
    assert first.drop_attrs().identical(mutual_information([0, 1, 1, 2], ["de", "de", "fr", "fr"]).drop_attrs())


@pytest.mark.parametrize(
    "bad", [([], []), ([1], ["de", "fr"]), ([1.5, 2.0], ["de", "fr"]), ([1, 2], [1, 2]), (["a"], ["de"])]
)
def test_bad_input_is_refused(bad):
    with pytest.raises(BadArgument):
        mutual_information(*bad)
