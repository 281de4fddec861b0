import json

import pytest
import torch

import workbench as wb
from tests.merging import folders
from workbench.errors import BadArgument, BrokenModel, CannotWrite

QUIET = {"progress": False}
MAP = ["language", "mean", "task", "task", "mean", "language"]


@pytest.fixture(scope="module")
def experts(tmp_path_factory):
    """A task expert, and a language expert, of the shipped model."""
    folder = tmp_path_factory.mktemp("experts")
    return folders.ALIGNED, folders.tuned(folders.BASE, folder / "language", 1)


def data(folder):
    return (folder / folders.WEIGHTS).read_bytes()


@pytest.mark.parametrize("place", ["task", "language", "base"])
def test_all_layers_of_one_model_are_its_file_byte_for_byte(experts, tmp_path, place):
    task, language = experts
    pair = wb.merging.pair(folders.BASE, task, language)
    merged = wb.merging.swap(pair, [place] * 6, ends=place, out=tmp_path / "out", **QUIET)
    assert data(merged) == data({"task": task, "language": language, "base": folders.BASE}[place])


def test_each_tensor_comes_from_the_map(experts, tmp_path):
    task, language = experts
    merged = wb.merging.swap(wb.merging.pair(None, task, language), MAP, out=tmp_path / "out", **QUIET)
    of = {"task": folders.weights(task), "language": folders.weights(language)}
    origins = json.loads((merged / "merge.json").read_text())["tensors"]
    for name, tensor in folders.weights(merged).items():
        layer = int(name.split(".")[2]) if ".layers." in name else None
        place = "language" if layer is None else MAP[layer]
        assert origins[name] == place
        if place == "mean":
            expected = ((of["task"][name].double() + of["language"][name].double()) / 2).bfloat16()
        else:
            expected = of[place][name]
        assert torch.equal(tensor, expected), name


def test_the_default_is_the_paper_s_map_at_this_depth(experts, tmp_path):
    pair = wb.merging.pair(None, *experts)
    merged = [wb.merging.swap(pair, layers, out=tmp_path / str(layers is None), **QUIET) for layers in (None, MAP)]
    assert data(merged[0]) == data(merged[1])


def test_swapping_twice_gives_the_original_byte_for_byte(experts, tmp_path):
    task, language = experts
    order = ["language", "task", "task", "language", "task", "task"]
    first = wb.merging.swap(wb.merging.pair(None, task, language), order, out=tmp_path / "first", **QUIET)
    assert data(first) != data(task)
    back = wb.merging.swap(wb.merging.pair(None, task, first), ["task"] * 6, ends="task", out=tmp_path / "b", **QUIET)
    again = wb.merging.swap(
        wb.merging.pair(None, first, task), order, ends="language", out=tmp_path / "again", **QUIET
    )  # the layers that came from the language expert are taken from the original
    assert data(back) == data(again) == data(task)


def test_the_ends(experts, tmp_path):
    pair = wb.merging.pair(None, *experts)
    merged = wb.merging.swap(pair, ["task"] * 6, ends="mean", out=tmp_path / "out", **QUIET)
    task, language, own = map(folders.weights, (*experts, merged))
    for name in ("model.embed_tokens.weight", "model.norm.weight"):
        assert torch.equal(own[name], ((task[name].float() + language[name].float()) / 2).bfloat16())
    assert "lm_head.weight" not in own


def test_shards_stay_shards(experts, tmp_path):
    split = folders.sharded(experts[0], tmp_path / "split")
    pair = wb.merging.pair(None, split, experts[1])
    merged = wb.merging.swap(pair, MAP, out=tmp_path / "out", **QUIET)
    whole = wb.merging.swap(wb.merging.pair(None, *experts), MAP, out=tmp_path / "whole", **QUIET)
    assert len(list(merged.glob("*.safetensors"))) == 3
    one, other = folders.weights(merged), folders.weights(whole)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    index = json.loads((merged / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == one.keys()
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in one.values())
    wb.load_model(str(merged))


def test_a_merged_model_loads_and_says_what_it_is(experts, tmp_path):
    merged = wb.merging.swap(wb.merging.pair(None, *experts), out=tmp_path / "out", **QUIET)
    model = wb.load_model(str(merged))
    digest = wb.load_model("polyglot-aligned").digest
    assert model.info["revision"].startswith("merging.swap of language ")
    assert digest[:12] in model.info["revision"]
    record = json.loads((merged / "merge.json").read_text())
    assert record["models"]["task"]["hash"] == digest
    assert record["parameters"] == {"layers": MAP, "ends": "language", "dtype": None}


def test_types_are_not_mixed_in_silence(experts, tmp_path):
    wide = folders.tuned(folders.BASE, tmp_path / "wide", 2, dtype=torch.float32)
    pair = wb.merging.pair(None, experts[0], wide)
    with pytest.raises(BadArgument, match="give dtype="):
        wb.merging.swap(pair, MAP, out=tmp_path / "out", **QUIET)
    merged = wb.merging.swap(pair, MAP, out=tmp_path / "out", dtype="float32", **QUIET)
    own, language = folders.weights(merged), folders.weights(wide)
    assert {tensor.dtype for tensor in own.values()} == {torch.float32}
    assert torch.equal(own["model.norm.weight"], language["model.norm.weight"])
    assert json.loads((merged / "config.json").read_text())["dtype"] == "float32"
    alone = wb.merging.swap(pair, ["task"] * 6, ends="task", out=tmp_path / "alone", **QUIET)  # only one is read
    assert data(alone) == data(experts[0])


def test_nothing_is_written_of_a_broken_expert(experts, tmp_path):
    def spoil(tensors):
        tensors["model.layers.4.mlp.up_proj.weight"][3, 3] = float("nan")
        return tensors

    broken = folders.copy(folders.BASE, tmp_path / "broken", spoil(folders.weights(folders.BASE)))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BrokenModel, match=r"layers\.4\.mlp\.up_proj"):
        wb.merging.swap(wb.merging.pair(None, experts[0], broken), MAP, out=tmp_path / "out", **QUIET)
    assert sorted(tmp_path.iterdir()) == before


def test_folders_are_not_overwritten(experts, tmp_path):
    pair = wb.merging.pair(None, *experts)
    (tmp_path / "out").mkdir()
    merged = wb.merging.swap(pair, MAP, out=tmp_path / "out", **QUIET)  # an empty folder may be
    with pytest.raises(CannotWrite, match="is there already"):
        wb.merging.swap(pair, MAP, out=merged, **QUIET)
    with pytest.raises(CannotWrite, match="cannot write"):
        wb.merging.swap(pair, MAP, out=merged / "config.json" / "below", **QUIET)
    assert sorted(tmp_path.iterdir()) == [merged]


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        (["task"] * 5, {}, "layers has 5 entries; give one for each of the 6 layers"),
        (["task"] * 5 + ["top"], {}, r"layers\[5\]='top'"),
        (["base"] * 6, {}, "needs the model that both were tuned from"),
        (["task"] * 6, {"ends": "base"}, "needs the model that both were tuned from"),
    ],
)
def test_wrong_maps(experts, tmp_path, layers, options, message):
    with pytest.raises(BadArgument, match=message):
        wb.merging.swap(wb.merging.pair(None, *experts), layers, out=tmp_path / "out", **options, **QUIET)
