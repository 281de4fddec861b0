"""Classes of neurons in several conditions: against `neurons.compare`, a plain loop and numbers by hand."""

import numpy as np
import pytest

import workbench as wb
from tests.laboratories.inside.cases import INSIDE, planted, states
from workbench.laboratories.inside.compare import compare
from workbench.laboratories.inside.neurons import drawn_sums, neurons
from workbench.neurons.compare import compare as compare_two

SIX = ["specific", "related", "other", "other", "other", "other"]


def test_numbers_are_those_of_the_comparison_of_two():
    looked = states()
    result = INSIDE.compare(looked["before"], {"recipe": looked["recipe"], "text": looked["text"]})
    for name in ("recipe", "text"):
        two = compare_two(looked["before"], looked[name], trained="de")
        own = result.sel(condition=name)
        assert float(own.inside_kappa) == pytest.approx(two.attrs["kappa"])
        np.testing.assert_array_equal(own.inside_members, two.members_after)
        np.testing.assert_array_equal(own.inside_members_change, two.change)
        np.testing.assert_array_equal(own.inside_trained_change, two.trained_change)
        np.testing.assert_array_equal(own.inside_untrained_change, two.untrained_change)
        np.testing.assert_array_equal(own.inside_trained_p, two.trained_p)
        assert float(own.inside_reclassified.mean()) == pytest.approx(1 - two.attrs["kept"])
    alike = result.sel(condition="before")
    assert float(alike.inside_kappa) == 1 and not alike.inside_reclassified.any()


def test_by_hand():
    """One of six neurons goes to another class in layer 0 under the recipe, and none under the control."""
    before = planted(kind=[SIX, SIX])
    after = planted(kind=[["related", *SIX[1:]], SIX])
    made = neurons([before, after, before], trained=[], level=0.95, seed=0)
    np.testing.assert_allclose(made["reclassified"][1], [[0, 0], [1 / 6, 0], [0, 0]])
    np.testing.assert_allclose(made["reclassified_excess"][1], [[1 / 6, 0]])
    np.testing.assert_array_equal(made["members_change"][1][1], [[-1, 0], [1, 0]])  # kinds by languages
    agree, chance = 11 / 12, (2 * 1 + 2 * 3 + 8 * 8) / 144
    assert made["kappa"][1][1] == pytest.approx((agree - chance) / (1 - chance))
    assert made["kappa_excess"][1][0] == pytest.approx((agree - chance) / (1 - chance) - 1)
    assert "trained_change" not in made


def test_equal_changes_are_no_excess():
    before, after = planted(kind=[SIX]), planted(kind=[["other", *SIX[1:]]])
    made = neurons([before, after, after], trained=["de"], level=0.95, seed=0)
    for name in ("kappa", "reclassified", "members_change", "trained_change"):
        for end in ("", "_low", "_high"):
            assert not np.any(made[f"{name}_excess{end}"][1])


def test_patterns_are_drawn_like_neurons():
    """Drawing patterns gives the mean and the variance of drawing neurons: n times those of a single one."""
    columns = np.random.default_rng(1).integers(-1, 2, (2, 40, 3)).astype(np.int8)
    drawn = drawn_sums(columns, seed=0, draws=4000)
    assert drawn.shape == (4000, 2, 3)
    np.testing.assert_allclose(drawn.mean(0), columns.sum(1), atol=0.5)
    np.testing.assert_allclose(drawn.var(0), 40 * columns.astype(float).var(1), rtol=0.1)


def test_other_shapes_are_refused():
    with pytest.raises(wb.errors.BadResult, match="layers of"):
        compare(planted(kind=[SIX]), {"recipe": planted(kind=[SIX, SIX])}, trained=[], level=0.95, seed=0)
