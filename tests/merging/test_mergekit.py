"""The same merges by mergekit: every weight is the same, bit for bit.

These tests need mergekit (`make mergekit`).
"""

from functools import partial

import pytest
import torch
from safetensors.torch import load_file

import workbench as wb
from tests.merging import folders

pytestmark = pytest.mark.harness
MAP = ["language", "mean", "task", "task", "mean", "language"]
SHARE = {"task": (1.0, 0.0), "language": (0.0, 1.0), "mean": (0.5, 0.5)}
OURS = {"progress": False, "dtype": "float32"}


@pytest.fixture(scope="module", params=["shipped", "tuned"])
def pair(request, tmp_path_factory):
    """The shipped pair, whose aligned model moved from the base, and two random experts of it, in its own type."""
    folder = tmp_path_factory.mktemp(request.param)
    language = folders.tuned(folders.BASE, folder / "language", 1)
    task = folders.ALIGNED if request.param == "shipped" else folders.tuned(folders.BASE, folder / "task", 2, 0.003)
    return wb.merging.pair(folders.BASE, task, language)


def theirs(config, folder, *, stable=True):
    """The weights that mergekit merges.

    It sorts differences by size in no stable order, so that which of equal ones remain depends on the processor; where
    `stable`, the first of them do, as in our own code.
    """
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions

    with pytest.MonkeyPatch.context() as patch:
        if stable:
            patch.setattr(torch, "argsort", partial(torch.argsort, stable=True))
        options = MergeOptions(copy_tokenizer=False, write_model_card=False, quiet=True)
        run_merge(MergeConfiguration.model_validate({**config, "dtype": "float32"}), str(folder / "theirs"), options)
    files = sorted((folder / "theirs").glob("*.safetensors"))
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def assert_equal(merged, expected):
    own = folders.weights(merged)
    assert own.keys() == expected.keys() - {"lm_head.weight"}
    for name, tensor in own.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor.view(torch.int32), expected[name].view(torch.int32)), name


def models(pair, *parameters):
    experts = [str(expert.folder) for expert in pair.experts.values()]
    return [{"model": model, "parameters": own} for model, own in zip(experts, parameters, strict=True)]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 0.9)])
def test_linear(pair, tmp_path, weights):
    config = {"merge_method": "linear", "models": models(pair, *({"weight": weight} for weight in weights))}
    merged = wb.merging.combine(pair, "linear", weights=weights, out=tmp_path / "ours", **OURS)
    assert_equal(merged, theirs(config, tmp_path))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 0.9), (1.0, -0.5)])
def test_arithmetic(pair, tmp_path, weights):
    config = {
        "merge_method": "task_arithmetic",
        "base_model": str(pair.base.folder),
        "models": models(pair, *({"weight": weight} for weight in weights)),
    }
    merged = wb.merging.combine(pair, "arithmetic", weights=weights, out=tmp_path / "ours", **OURS)
    assert_equal(merged, theirs(config, tmp_path))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 0.9)])
@pytest.mark.parametrize("density", [0.2, 0.5, 1.0])
def test_ties(pair, tmp_path, density, weights):
    config = {
        "merge_method": "ties",
        "base_model": str(pair.base.folder),
        "models": models(pair, *({"weight": weight, "density": density} for weight in weights)),
    }
    merged = wb.merging.combine(pair, "ties", density=density, weights=weights, out=tmp_path / "ours", **OURS)
    assert_equal(merged, theirs(config, tmp_path))


def test_ties_as_it_is_differs_only_among_equal_differences(pair, tmp_path):
    """Without the stable order: no weight differs whose difference is not just that of the smallest that remain."""
    density = 0.2
    config = {
        "merge_method": "ties",
        "base_model": str(pair.base.folder),
        "models": models(pair, *({"weight": 1.0, "density": density} for _ in pair.experts)),
    }
    expected = theirs(config, tmp_path, stable=False)
    merged = folders.weights(wb.merging.combine(pair, "ties", density=density, out=tmp_path / "ours", **OURS))
    for name, tensor in merged.items():
        sizes = [pair.delta(role, name).abs() for role in pair.experts]
        last = [size.flatten().sort(descending=True).values[max(1, int(density * size.numel())) - 1] for size in sizes]
        at_the_edge = torch.stack([size == edge for size, edge in zip(sizes, last, strict=True)]).any(0)
        assert torch.equal(tensor[~at_the_edge], expected[name][~at_the_edge]), name


@pytest.mark.parametrize("places", [MAP, ["task", "language"] * 3], ids=["paper", "alternating"])
def test_a_map_is_a_linear_merge_of_slices(pair, tmp_path, places):
    """One slice for each layer, always of both experts; mergekit takes the ends from the first and the last slice."""
    slices = [
        {
            "sources": [
                {"model": str(expert.folder), "layer_range": [layer, layer + 1], "parameters": {"weight": weight}}
                for expert, weight in zip(pair.experts.values(), SHARE[place], strict=True)
            ]
        }
        for layer, place in enumerate(places)
    ]
    expected = theirs({"merge_method": "linear", "slices": slices}, tmp_path)
    merged = wb.merging.swap(pair, places, ends="language", out=tmp_path / "ours", **OURS)
    first, last = (wb.merging.swap(pair, places, ends=places[at], out=tmp_path / str(at), **OURS) for at in (0, -1))
    norm, embedding = "model.norm.weight", "model.embed_tokens.weight"
    ends = {norm: folders.weights(last)[norm], embedding: folders.weights(first)[embedding]}
    own = folders.weights(merged)
    for name in own.keys() - ends.keys():
        assert torch.equal(own[name], expected[name]), name
    for name, tensor in ends.items():
        assert torch.equal(tensor, expected[name]), name
