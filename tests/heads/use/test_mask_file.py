"""Mask files of others: shape, places and values are checked before anything is made of them."""

import json

import pytest
import torch

import workbench as wb
from tests.heads.cases import model
from workbench.errors import BadResult

MODEL = model("llama")
GOOD = {"format": 1, "model": MODEL.name, "hash": MODEL.digest, "shape": [3, 4], "heads": [[0, 1, 0.5], [2, 3, 0.0]]}


def test_an_honest_file_is_read(tmp_path):
    (tmp_path / "mask.json").write_text(json.dumps(GOOD))
    wanted = torch.ones(3, 4)
    wanted[0, 1], wanted[2, 3] = 0.5, 0.0
    assert torch.equal(wb.heads.load_mask(MODEL, tmp_path / "mask.json"), wanted)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heads": [[0, 1, float("nan")]]}, r"\[0, 1, nan\] is no layer, head and finite number within 3 x 4"),
        ({"heads": [[0, 1, float("inf")]]}, "finite number"),
        ({"heads": [[-1, 1, 0.5]]}, r"\[-1, 1, 0.5\] is no layer"),
        ({"heads": [[0, 4, 0.5]]}, "within 3 x 4"),
        ({"heads": [[0.0, 1, 0.5]]}, "within 3 x 4"),
        ({"heads": [[0, 1, True]]}, "finite number"),
        ({"heads": [[0, 1, "x"]]}, "not a mask file"),
        ({"heads": [[0, 1]]}, "not a mask file"),
        ({"heads": 5}, "not a mask file"),
        ({"heads": [[[0], 1, 0.5]]}, "within 3 x 4"),
        ({"heads": [[0, 1, 10**400]]}, "not a mask file"),
        ({"shape": [10**9, 10**9], "heads": []}, "belongs to another model"),
        ({"shape": "34"}, "belongs to another model"),
        ({"shape": None}, "not a mask file"),
        ({"format": "x"}, "not a mask file"),
        ({"hash": [1]}, "belongs to another model"),
    ],
)
def test_what_no_mask_can_be_is_refused(tmp_path, changes, says):
    path = tmp_path / "mask.json"
    path.write_text(json.dumps({**GOOD, **changes}))
    with pytest.raises(BadResult, match=says):
        wb.heads.load_mask(MODEL, path)


def test_a_file_that_nests_without_end_is_refused(tmp_path):
    (tmp_path / "mask.json").write_text("[" * 100_000)
    with pytest.raises(BadResult, match="not a mask file"):
        wb.heads.load_mask(MODEL, tmp_path / "mask.json")
