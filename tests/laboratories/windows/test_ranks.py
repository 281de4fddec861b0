"""The place of a chosen window among others, by hand, and which others there are."""

import numpy as np
import pytest
import xarray as xr

from tests.laboratories.cases import base, materials, recipe
from workbench.errors import BadArgument
from workbench.laboratories.windows.plan import named, other_windows, window_controls
from workbench.laboratories.windows.ranks import sentence, standing


def test_ranks_and_percentiles_by_hand():
    mine = np.array([2.0, 2.0, 2.0, np.nan])
    others = np.array([[1.0, 3.0, 2.0, 1.0], [0.0, 4.0, 1.0, 1.0], [3.0, 5.0, 2.0, 1.0], [1.0, 6.0, 2.0, 1.0]])
    rank, percentile = standing(mine, others)
    assert rank.tolist()[:3] == [2, 5, 1] and np.isnan(rank[3])
    assert percentile.tolist()[:3] == [75, 0, 100 * (1 + 1.5) / 4] and np.isnan(percentile[3])
    assert np.isnan(standing(mine, np.empty((0, 4)))[1]).all()


def test_the_sentence_says_which_places_are_shared_and_what_helps():
    made = xr.Dataset(
        {
            "mean_change": (("condition", "measure"), [[0.02, np.nan]]),
            "window_rank": ("measure", [1.0, np.nan]),
            "window_percentile": ("measure", [80.0, np.nan]),
            "window_rank_by_seed": (("seed", "measure"), [[1.0, np.nan], [2.0, np.nan]]),
            "window_percentile_by_seed": (("seed", "measure"), [[50.0, np.nan], [80.0, np.nan]]),
            "mean_helps": (("control", "measure"), [[-1, 0], [1, 0]]),
            "units": ("measure", ["share", "bits per byte"]),
            **{
                f"mean_excess{end}": (("control", "measure"), [[value - 0.03, np.nan], [value, np.nan]])
                for end, value in (("", 0.02), ("_low", 0.01), ("_high", 0.029))
            },
        },
        {"condition": ["recipe"], "control": ["everything", "shuffled"], "measure": ["exact match", "loss"]},
        {"windows": 6},
    )
    first, second = sentence(made, "layer 2").split(". ")
    assert first == (
        "exact match: +2 points with layer 2, place 1 to 3 of 6 windows (by seed: 1 to 6, 2), "
        "-1 beyond everything [-2, -0.1] (it hurts), +2 beyond shuffled [+1, +2.9] (it helps)"
    )
    assert second == (
        "loss: not measured with layer 2, place not measured of 6 windows (by seed: not measured, not measured), "
        "not measured beyond everything (it is undecided), not measured beyond shuffled (it is undecided)."
    )


def test_other_windows_have_the_size_of_the_chosen_one():
    assert other_windows([2], 4) == [(0,), (1,), (3,)]
    assert other_windows([2, 1], 5) == [(0, 1), (2, 3), (3, 4)]
    assert other_windows([0, 1, 2], 3) == []
    assert len(other_windows([2], 32, limit=4)) == 4
    assert named((2,)) == "layer 2" and named([1, 2]) == "layers 1 to 2"
    for wrong in ([], [1, 3], [3, 4], [-1, 0]):
        with pytest.raises(BadArgument, match="neighbouring"):
            other_windows(wrong, 4)


def test_a_window_control_trains_its_layers_and_nothing_else():
    control = window_controls([(0,), (2,)])["layer 2"]
    module = base()
    with control(recipe(), materials()).trainable(module) as trained:
        names = {name for name, parameter in trained.named_parameters() if parameter.requires_grad}
    assert names and all(name.startswith("model.layers.2.") for name in names)
    assert control(recipe(), materials()).steps == recipe().steps
