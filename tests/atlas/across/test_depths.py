"""Relative depth: thirds of the layers, the middle of the states, and lines between layers."""

import numpy as np
import pytest

from tests.oracles import across as oracle
from workbench.atlas.across.depths import depths, grid_weights, middle_states, thirds


def test_depths_run_from_0_to_1():
    assert depths(5).tolist() == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("layers", range(1, 40))
def test_thirds_are_by_the_middle_of_the_layer(layers):
    assert thirds(layers).tolist() == [oracle.third_of(layer, layers) for layer in range(layers)]
    assert (thirds(layers) == thirds(layers)[::-1] * -1 + 2).all()  # the first third is the last one's mirror


@pytest.mark.parametrize(("states", "middle"), [(2, [0, 1]), (3, [1]), (4, [1, 2]), (7, [2, 3, 4]), (10, [3, 4, 5, 6])])
def test_the_middle_is_from_a_third_to_two_thirds(states, middle):
    assert middle_states(states).tolist() == middle


@pytest.mark.parametrize("layers", [2, 3, 6, 18])
def test_lines_between_layers(layers):
    curve = np.random.default_rng(layers).normal(size=layers)
    grid = np.linspace(0, 1, 13)
    expected = [oracle.at_depth(curve.tolist(), float(depth)) for depth in grid]
    assert curve @ grid_weights(layers, grid) == pytest.approx(expected)
