import pytest

import workbench as wb
from workbench.errors import BadArgument

SIX = ["language", "mean", "task", "task", "mean", "language"]


def test_the_paper_s_map():
    places = wb.merging.layer_map(32)
    expected = {"language": [*range(5), 30, 31], "mean": [5, 29], "task": [*range(6, 29)]}
    assert {place: [at for at in range(32) if places[at] == place] for place in expected} == expected


def test_the_replication_has_no_seams():
    places = wb.merging.layer_map(32, bottom=6, top=2, seams=0)
    assert places == ["language"] * 6 + ["task"] * 24 + ["language"] * 2


def test_six_layers_have_each_part_once():
    assert wb.merging.layer_map(6) == SIX


def test_one_side_has_one_seam():
    assert wb.merging.layer_map(32, bottom=4, top=0) == ["language"] * 4 + ["mean"] + ["task"] * 27
    assert wb.merging.layer_map(64)[:12] == ["language"] * 10 + ["mean"] * 2


@pytest.mark.parametrize("layers", [1, 4])
def test_a_model_without_room_is_refused(layers):
    with pytest.raises(BadArgument, match="leaves none to the task expert"):
        wb.merging.layer_map(layers)


def test_mirrored_exchanges_the_experts():
    assert wb.merging.mirrored(SIX) == ["task", "mean", "language", "language", "mean", "task"]
    assert wb.merging.mirrored(wb.merging.mirrored(SIX)) == SIX


def test_shuffled_maps_have_equal_size_and_another_order():
    drawn = wb.merging.shuffled(SIX, count=30, seed=1)
    assert len(drawn) == 30 and all(sorted(order) == sorted(SIX) and order != SIX for order in drawn)
    assert drawn == wb.merging.shuffled(SIX, count=30, seed=1) != wb.merging.shuffled(SIX, count=30, seed=2)


def test_a_wrong_place_is_named():
    with pytest.raises(BadArgument, match=r"layers\[1\]='top'"):
        wb.merging.mirrored(["task", "top"])
