"""The table of several laboratories, from Results that are known."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.laboratories.test_verdict import planted
from workbench.errors import BadResult

LAB = wb.laboratories


def test_a_row_says_what_a_recipe_changed_beyond_a_control():
    table = LAB.summary({"mine": planted([0.25] * 3, [0] * 3, [0.5] * 3, noise=0.0)})
    assert table.to_dict("records") == [
        {
            "laboratory": "mine",
            "measure": "mine",
            "unit": "points",
            "change": "+25",
            "control": control,
            "its change": change,
            "excess": excess,
            "low": excess,
            "high": excess,
            "verdict": verdict,
        }
        for control, change, excess, verdict in (
            ("shuffled", "+0", "+25", "helps"),
            ("text", "+50", "-25", "hurts"),
        )
    ]


def test_every_schedule_has_rows_and_a_result_without_excess_is_refused():
    axes, cells = ("condition", "control", "measure"), (3, 1, 1)
    made = xr.Dataset(
        {
            "mean_change": (("condition", "measure"), [[0.0], [0.25], [0.5]]),
            "mean_helps": (axes, np.array([0, 0, 1]).reshape(cells)),
            "units": ("measure", ["share"]),
            **{
                f"mean_excess{end}": (axes, np.array([np.nan, np.nan, 0.25]).reshape(cells))
                for end in ("", "_low", "_high")
            },
        },
        {"condition": ["before", "none", "last"], "control": ["none"], "measure": ["mine"]},
    )
    (row,) = LAB.summary({"schedules": made}).to_dict("records")
    assert (row["laboratory"], row["change"], row["excess"], row["verdict"]) == (
        "schedules, last",
        "+50",
        "+25",
        "helps",
    )
    with pytest.raises(BadResult, match="'quadrants' has no mean_helps"):
        LAB.summary({"quadrants": xr.Dataset({"gain": ("language", [1.0])})})
