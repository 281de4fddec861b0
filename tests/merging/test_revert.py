import json
import re

import pytest
import torch

import workbench as wb
from tests.merging import folders
from workbench.errors import BadArgument

QUIET = {"progress": False}
EVERY = ["q", "k", "v", "o", "gate", "up", "down", "norm", "ends"]


def reverted(groups, folder):
    return wb.merging.revert("polyglot-aligned", "polyglot-base", groups, out=folder, **QUIET)


@pytest.mark.parametrize(
    ("groups", "pattern"),
    [
        (["q"], r"q_proj"),
        ([3], r"layers\.3\."),
        ([(3, "q"), (0, "norm")], r"layers\.3\.self_attn\.q_proj|layers\.0\..*norm"),
        (["ends", "down"], r"^model\.(embed|norm)|down_proj"),
        ([], "^$"),
    ],
    ids=["group", "layer", "both", "ends", "none"],
)
def test_groups_are_the_base_s_and_the_rest_is_the_expert_s(tmp_path, groups, pattern):
    folder = reverted(groups, tmp_path / "out")
    expert, base, own = map(folders.weights, (folders.ALIGNED, folders.BASE, folder))
    origins = json.loads((folder / "merge.json").read_text())["tensors"]
    for name, tensor in own.items():
        back = bool(re.search(pattern, name))
        assert torch.equal(tensor, (base if back else expert)[name]), name
        assert origins[name] == ("base" if back else "expert")


def test_all_groups_give_the_base_and_none_the_expert_byte_for_byte(tmp_path):
    for groups, like in ((EVERY, folders.BASE), ([], folders.ALIGNED)):
        folder = reverted(groups, tmp_path / like.name)
        assert (folder / folders.WEIGHTS).read_bytes() == (like / folders.WEIGHTS).read_bytes()


@pytest.mark.parametrize("group", ["qkv", 6, (6, "q"), "attention"])
def test_a_group_that_is_not_there_is_named(tmp_path, group):
    with pytest.raises(BadArgument, match="it has 6 layers from 0, and in them or beside them"):
        reverted([group], tmp_path / "out")
