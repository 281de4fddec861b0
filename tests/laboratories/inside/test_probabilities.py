"""Probabilities at every state: levels, changes and excesses by hand, and their intervals by the house's statistics."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import planted
from workbench.laboratories.inside.probabilities import lens, patched
from workbench.results.statistics import corrected, interval, p_value

RNG = np.random.default_rng(0)
BEFORE, RECIPE, CONTROL = (RNG.uniform(size=(2, 5, 3)) for _ in range(3))


def test_levels_changes_and_excesses_are_paired_means():
    made = lens([planted(lens=each) for each in (BEFORE, RECIPE, CONTROL)], level=0.9, seed=3)
    np.testing.assert_allclose(made["lens"][1], [each.mean(1) for each in (BEFORE, RECIPE, CONTROL)])
    np.testing.assert_allclose(made["lens_change"][1][2], (CONTROL - BEFORE).mean(1))
    gap = np.moveaxis(RECIPE - CONTROL, 1, 0)  # [concept, language, state]
    np.testing.assert_allclose(made["lens_excess"][1][0], gap.mean(0))
    low, high = interval(gap, level=0.9, seed=3)
    np.testing.assert_allclose(made["lens_excess_low"][1][0], low)
    np.testing.assert_allclose(made["lens_excess_high"][1][0], high)
    np.testing.assert_allclose(made["lens_excess_p_value"][1][0], corrected(p_value(gap)))


def test_a_collided_concept_is_left_out_of_its_language():
    holes = [each.copy() for each in (BEFORE, RECIPE)]
    for each in holes:
        each[0, 2] = np.nan
    made = lens([planted(lens=each) for each in holes], level=0.95, seed=0)
    np.testing.assert_allclose(made["lens"][1][1, 0], np.delete(RECIPE[0], 2, 0).mean(0))
    np.testing.assert_allclose(made["lens"][1][1, 1], RECIPE[1].mean(0))
    assert "lens_excess" not in made


def test_both_answers_of_a_patch():
    made = patched([planted(patched=each) for each in (BEFORE, RECIPE)], level=0.95, seed=0)
    np.testing.assert_allclose(made["patched_concept_change"][1][1], (RECIPE - BEFORE)[0].mean(0))
    np.testing.assert_allclose(made["patched_language_change"][1][1], (RECIPE - BEFORE)[1].mean(0))


def test_other_words_are_refused():
    with pytest.raises(wb.errors.BadResult, match="one word list"):
        lens([planted(lens=BEFORE), planted(lens=BEFORE[:, 1:])], level=0.95, seed=0)
