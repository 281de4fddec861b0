"""Wilson's interval, exact tests, and what a label prior earns, against values worked out by hand."""

import numpy as np
import pytest

from workbench.results.proportions import above_chance, label_prior, mcnemar, wilson


@pytest.mark.parametrize(("right", "of", "expected"), [(8, 10, (0.4902, 0.9433)), (60, 60, (0.9398, 1.0))])
def test_wilson(right, of, expected):
    assert wilson(right, of) == pytest.approx(expected, abs=5e-5)


def test_wilson_of_nothing_is_not_a_number():
    assert np.isnan(wilson(0, 0)).all()


def test_above_chance_is_the_exact_binomial_tail():
    assert above_chance(8, np.full(10, 0.25)) == pytest.approx(0.000416, abs=5e-7)


def test_items_of_different_chance_are_drawn():
    chances = np.array([0.5, 0.25, 0.25])
    assert above_chance(3, chances) == pytest.approx(0.5 / 16, abs=0.006)
    assert above_chance(0, chances) == 1


def test_mcnemar_is_the_two_sided_binomial():
    assert mcnemar(5, 1) == mcnemar(1, 5) == pytest.approx(0.21875)
    assert mcnemar(0, 0) == 1


def test_arrays_have_the_numbers_of_their_cells():
    first, second = np.array([[0, 3, 5], [0, 2, 7]]), np.array([[0, 1, 6], [4, 2, 0]])
    cells = list(np.ndindex(first.shape))
    assert mcnemar(first, second).ravel().tolist() == [mcnemar(first[cell], second[cell]) for cell in cells]
    low, high = wilson(first, first + second, level=0.9)
    ends = [wilson(first[cell], first[cell] + second[cell], level=0.9) for cell in cells]
    np.testing.assert_array_equal(np.array(ends), np.stack([low.ravel(), high.ravel()], 1))


def test_a_label_prior_of_picks_aaab_and_golds_abcd_earns_a_quarter():
    assert label_prior(np.array([0, 0, 0, 1]), np.eye(4, dtype=bool)) == 0.25
