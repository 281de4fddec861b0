"""What a Result says of itself, on Results whose truth is planted."""

import json
import re

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from workbench.results.make import make_result

DIMS = ("language", "layer", "head")
CODES = ["de", "ja"]


def planted(delta, half, *, level=0.9, **more):
    """Effects [language, layer, head] with an interval that reaches `half` to both sides."""
    delta = np.asarray(delta, dtype=float)
    return make_result(
        {
            "delta": (DIMS, delta, "rise of the loss [nats]"),
            "low": (DIMS, delta - half, "lower end [nats]"),
            "high": (DIMS, delta + half, "upper end [nats]"),
            **more,
        },
        {"language": CODES},
        method="test",
        parameters={"level": level, "heads": None},
        model={"name": "tiny", "hash": "0123456789abcdef", "dtype": "float32"},
        corpus={"source": "by hand", "counts": {"de": 2}},
        seed=3,
    )


def noise(scale=0.1):
    return np.random.default_rng(0).uniform(-scale, scale, (2, 3, 5))


def first(shown):
    row = shown.cells.iloc[0]
    return row.language, row.layer, row["head"]


def test_a_true_effect_leads_and_is_counted():
    delta = noise()
    delta[1, 2, 4], delta[0, 1, 3] = 2.0, -3.0
    shown = wb.show(planted(delta, 0.5))
    assert first(shown) == ("de", 1, 3)  # from -3.5 to -2.5
    assert shown.cells.excludes_zero.tolist() == [True, True, *[False] * 8]
    assert shown.cells.index.tolist()[:2] == [1, 2]
    text = repr(shown)
    assert "2 of 30 cells' intervals exclude zero; chance would give about 3 (at a level of 0.9)" in text
    assert "delta: rise of the loss [nats]" in text
    assert re.search(r"language +2 +de, ja\n", text) and re.search(r"head +5 +0, 1, 2, 3, 4\n", text)


def test_no_effect_is_said_to_be_none():
    text = repr(wb.show(planted(noise(), 0.5), most=2))
    assert "0 of 30 cells' intervals exclude zero" in text
    assert "below zero" not in text


def test_a_noisy_outlier_does_not_lead():
    delta, half = noise(), np.full((2, 3, 5), 0.2)
    delta[0, 0, 0], half[0, 0, 0] = 50.0, 60.0
    delta[1, 0, 1], half[1, 0, 1] = 0.5, 0.1
    shown = wb.show(planted(delta, half), most=30)
    assert first(shown) == ("ja", 0, 1)
    assert shown.cells.delta.tolist()[-1] == 50.0  # its interval reaches furthest beyond zero
    assert shown.cells.excludes_zero.sum() == 1


def test_the_order_is_that_of_the_nearer_end_cell_by_cell():
    generator = np.random.default_rng(1)
    delta, half = generator.normal(size=(2, 3, 5)), generator.uniform(0.1, 2, (2, 3, 5))
    delta[1, 1, 1] = np.nan
    nearest = {}
    for place in np.ndindex(delta.shape):
        low, high = delta[place] - half[place], delta[place] + half[place]
        if not np.isnan(low):
            nearest[CODES[place[0]], place[1], place[2]] = low if low > 0 else -high if high < 0 else max(low, -high)
    expected = sorted(nearest, key=nearest.__getitem__, reverse=True)
    cells = wb.show(planted(delta, half), most=99).cells
    assert list(zip(cells.language, cells.layer, cells["head"], strict=True)) == expected


def test_nothing_measured():
    shown = wb.show(planted(np.full((2, 3, 5), np.nan), 0.5))
    assert shown.cells.empty
    assert "No cell can be ranked" in repr(shown) and "30 of 30 cells have no value or no interval" in repr(shown)
    bare = xr.Dataset({"effect": (("layer",), [np.nan, np.nan])})
    assert "none of 2 cells has a value" in repr(wb.show(bare))


def test_cells_without_an_interval_are_counted_and_not_ranked():
    delta = noise()
    delta[0, 0, :2] = np.nan
    shown = wb.show(planted(delta, 0.5), most=99)
    assert len(shown.cells) == 28
    assert "2 of 30 cells have no value or no interval" in repr(shown)


def test_ties_share_a_rank_and_those_that_are_cut_are_counted():
    delta = np.zeros((2, 3, 5))
    delta[0, 2, 2], delta[0, 1] = 3.0, 1.0
    shown = wb.show(planted(delta, 0.5), most=3)
    assert shown.cells.index.tolist() == [1, 2, 2]
    assert shown.cells["head"].tolist() == [2, 0, 1]  # in the order of the axes
    assert "3 more tie with the last of these" in repr(shown)
    assert "more tie" not in repr(wb.show(planted(delta, 0.5), most=6))


def test_what_cannot_be_negative_proves_nothing_by_excluding_zero():
    assert "nothing here is below zero" in repr(wb.show(planted(noise() + 5, 0.5)))


def test_p_values_and_controls_are_counted_beside():
    delta = noise()
    small = np.full(delta.shape, 0.5)
    small[0, 0, 0] = 0.01
    bounds = {
        "control_low": (DIMS, np.full(delta.shape, -1.0), "of random heads [nats]"),
        "control_high": (DIMS, np.where(np.arange(5) == 2, delta - 0.01, 1.0), "of random heads [nats]"),
    }
    result = planted(delta, 0.5, p_value=(DIMS, small, "p-value, corrected"), **bounds)
    result["delta"].attrs["ancillary_variables"] = "low high p_value control_low control_high"
    text = repr(wb.show(result))
    assert "1 of 30 cells are below 0.1 in: p-value, corrected" in text
    assert "6 of 30 values lie outside the range of their random controls" in text
    assert {"p_value", "control_low", "control_high"} <= set(wb.show(result).cells)


def test_a_level_that_is_not_recorded_is_said_so():
    result = planted(noise(), 0.5)
    record = json.loads(result.attrs["provenance"])
    record["parameters"] = {}
    result.attrs["provenance"] = json.dumps(record)
    assert "chance would give about 1.5 (at a level of 0.95, the workbench's where none is recorded)" in repr(
        wb.show(result)
    )
    record["parameters"] = {"confidence": 0.99}
    result.attrs["provenance"] = json.dumps(record)
    assert "all of them hold together with probability 0.99" in repr(wb.show(result))


def test_provenance_is_a_short_table():
    text = repr(wb.show(planted(noise(), 0.5)))
    for line in (
        r"model +tiny \(hash 0123456789ab, dtype float32\)",
        r"corpus +by hand \(counts de 2\)",
        r"method +test",
        r"parameters +level=0.9\n",
        r"seed +3",
        r"versions +workbench [\d.]+, python",
        r"time +20\d\d-",
    ):
        assert re.search(line, text), line
    assert "none is recorded" in repr(wb.show(xr.Dataset({"a": ("x", [1.0])})))


def test_the_main_variable_or_the_named_one():
    result = planted(noise(), 0.5, baseline=(("language",), [1.0, 2.0], "loss [nats]"))
    assert wb.show(result).variable == "delta"
    assert wb.show(result, "baseline").variable == "baseline"
    assert "from 1 to 2, median 1.5" in repr(wb.show(result, "baseline"))
    assert wb.show(result["delta"]).variable == "delta"
    with pytest.raises(wb.errors.BadArgument, match=r"no variable 'dleta' in this result \(has: delta, low"):
        wb.show(result, "dleta")
    two = xr.Dataset({"a": ("x", [1.0]), "b": ("x", [1.0]), "b_low": ("x", [0.0]), "b_high": ("x", [2.0])})
    assert wb.show(two).variable == "b"  # the one with an interval
    assert "there is none" in repr(wb.show(xr.Dataset()))


def test_words_are_counted():
    words = np.array([["none", "specific"], ["none", "none"]])
    result = make_result({"role": (("layer", "head"), words, "role")}, {}, method="test", parameters={})
    assert "cells: none 3, specific 1" in repr(wb.show(result))
    assert wb.show(result).cells.empty


def test_html_obeys_no_name_and_moves_nothing():
    result = planted(noise(), 0.5).assign_coords(language=["<script>alert(1)</script>", "עברית"])
    result["delta"].attrs["long_name"] = "<img src=x onerror=alert(1)>"
    page = wb.show(result)._repr_html_()
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page
    assert "<bdi>עברית</bdi>" in page
    for cell in re.findall(r"<t[dh](?: [^>]*)?>(.*?)</t[dh]>", page):
        assert cell.startswith("<bdi>") and cell.endswith("</bdi>")


def test_a_terminal_obeys_no_name():
    result = planted(noise(), 0.5).assign_coords(language=["\x1b[2Jde", "עברית"])
    text = repr(wb.show(result))
    assert "\x1b" not in text and "\\x1b[2Jde" in text
    assert "\u2068עברית\u2069" in text


def test_nothing_is_printed_and_nothing_changed(capsys):
    result = planted(noise(), 0.5)
    before = result.copy(deep=True)
    repr(wb.show(result))
    wb.show(result)._repr_html_()
    assert capsys.readouterr().out == ""
    assert result.identical(before)
