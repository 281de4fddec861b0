"""Random features that match a group in layer and in how often they fire."""

import numpy as np
import pytest
import xarray as xr

from tests.circuits.cases import random_transcoder
from workbench.circuits.features.groups import matched_groups, read_feature_groups
from workbench.errors import BadArgument, BadResult


def test_random_groups_match_layer_and_decile():
    rng = np.random.default_rng(0)
    rate = rng.random((3, 200)) ** 3
    mask = rng.random((3, 200)) < [[0.05], [0.0], [0.1]]
    drawn = matched_groups("de", mask, rate, 20, seed=1)
    assert not (drawn & mask).any()
    assert (drawn.sum(2) == mask.sum(1)).all()
    assert len({each.tobytes() for each in drawn}) == 20
    for layer in (0, 2):
        decile = np.argsort(np.argsort(rate[layer])) * 10 // 200
        for each in drawn:
            own, random = (np.sort(decile[which[layer]]) for which in (mask, each))
            assert np.abs(own - random).max() <= 1  # an edge between two numbers falls on either side
    np.testing.assert_array_equal(drawn, matched_groups("de", mask, rate, 20, seed=1))


def test_features_of_the_other_group_are_not_drawn():
    rate = np.random.default_rng(0).random((1, 30))
    mask, beside = np.arange(30)[None] < 3, (np.arange(30)[None] >= 3) & (np.arange(30)[None] < 15)
    assert matched_groups("de", mask, rate, 50, seed=0)[:, beside].any()
    assert not matched_groups("de", mask, rate, 50, seed=0, beside=beside)[:, mask | beside].any()


def test_a_feature_that_never_fires_is_matched_with_another_that_never_does():
    rate = np.zeros((1, 20))
    rate[0, :10] = np.linspace(0.1, 1, 10)
    mask = np.zeros((1, 20), bool)
    mask[0, 15] = True
    assert not matched_groups("de", mask, rate, 30, seed=0)[:, 0, :10].any()


def test_groups_use_the_layers_of_the_model_and_what_does_not_fit_is_refused():
    made = random_transcoder(2, 4, features=6)
    assert read_feature_groups(made, {"de": [(1, 3)]})["de"].nonzero() == ([1], [3])
    for wrong in ({"de": [(2, 0)]}, {"de": [(0, 6)]}, {}):
        with pytest.raises(BadArgument):
            read_feature_groups(made, wrong)
    member = xr.Dataset({"member": (("language", "layer", "feature"), np.ones((1, 2, 6), bool))}, {"layer": [1, 2]})
    with pytest.raises(BadResult, match=r"layers \[1, 2\]"):
        read_feature_groups(made, member)
    with pytest.raises(BadArgument, match="too few are left"):
        matched_groups("de", np.ones((1, 3), bool), np.ones((1, 3)), 1, seed=0)
