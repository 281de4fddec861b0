"""Merged adapters against the arithmetic of their deltas, and against peft's own reading of what was written."""

import json

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import workbench as wb
from tests.merging import folders
from workbench.errors import BadArgument, BrokenModel

QUIET = {"progress": False}
MODULES = ["q_proj", "v_proj", "down_proj"]
FILE = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return folders.tiny(tmp_path_factory.mktemp("lora") / "base")


def adapter(base, folder, seed, *, rank=2, alpha=4, modules=MODULES, **options):
    """An adapter with random factors, written by peft."""
    model = AutoModelForCausalLM.from_pretrained(base)
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=modules, task_type="CAUSAL_LM", **options)
    wrapped = peft.get_peft_model(model, config)
    torch.manual_seed(seed)
    for name, parameter in wrapped.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    wrapped.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def two(base, tmp_path_factory):
    """Adapters of other rank, scale and modules."""
    folder = tmp_path_factory.mktemp("adapters")
    task = adapter(base, folder / "task", 1)
    language = adapter(base, folder / "language", 2, rank=3, alpha=9, modules=["q_proj", "up_proj"], use_rslora=True)
    return wb.merging.pair(base, task, language)


def merged_by_peft(base, folder):
    """The weights of base and adapter, as peft adds them."""
    model = AutoModelForCausalLM.from_pretrained(base)
    return peft.PeftModel.from_pretrained(model, str(folder)).merge_and_unload().state_dict()


def deltas(base, folder):
    """What an adapter adds to each weight, as peft does it."""
    before = folders.weights(base)
    return {name: tensor - before[name] for name, tensor in merged_by_peft(base, folder).items() if name in before}


def same(one, other):
    return all(torch.allclose(one[name], other[name], atol=1e-6) for name in {*one, *other})


def factors(base, folder, direction):
    """An adapter of rank 1 on one square module, with A = B = a unit vector and scale 1."""
    adapter(base, folder, 0, rank=1, alpha=1, modules=["q_proj"])
    unit = torch.eye(32)[direction]
    written = {name: unit[None] if "lora_A" in name else unit[:, None] for name in load_file(folder / FILE)}
    save_file({name: tensor.clone() for name, tensor in written.items()}, folder / FILE)
    return folder


def test_the_mean_of_deltas_is_not_that_of_factors(base, tmp_path):
    pair = wb.merging.pair(base, *(factors(base, tmp_path / str(at), at) for at in (0, 1)))
    merged = wb.merging.combine(pair, "lora", weights=(0.5, 0.5), out=tmp_path / "merged", **QUIET)
    delta = deltas(base, merged)["model.layers.0.self_attn.q_proj.weight"]
    expected = torch.zeros(32, 32)
    expected[0, 0] = expected[1, 1] = 0.5
    assert torch.allclose(delta, expected, atol=1e-7)
    halves = (torch.eye(32)[0] + torch.eye(32)[1]) / 2
    assert (halves[:, None] * halves[None])[:2, :2].tolist() == [[0.25, 0.25], [0.25, 0.25]]  # what it must not be


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, -0.7)])
def test_stacked_ranks_add_the_weighted_sum(base, two, tmp_path, weights):
    merged = wb.merging.combine(two, "lora", weights=weights, out=tmp_path / "merged", **QUIET)
    one, other = (deltas(base, expert.folder) for expert in two.experts.values())
    assert same(deltas(base, merged), {name: weights[0] * one[name] + weights[1] * other[name] for name in one})
    config = json.loads((merged / "adapter_config.json").read_text())
    assert (config["r"], config["use_rslora"]) == (5, False)


def test_stacked_ranks_are_peft_s_own_cat(base, two, tmp_path):
    """Peft's combination of the adapters that both can make: of one rank and the same modules."""
    other = adapter(base, tmp_path / "other", 5)
    pair = wb.merging.pair(base, two.task.folder, other)
    merged = wb.merging.combine(pair, "lora", weights=(0.3, 0.9), out=tmp_path / "merged", **QUIET)
    model = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(two.task.folder), "a")
    model.load_adapter(str(other), "b")
    model.add_weighted_adapter(["a", "b"], [0.3, 0.9], "both", combination_type="cat")
    model.set_adapter("both")
    assert same(merged_by_peft(base, merged), model.merge_and_unload(adapter_names=["both"]).state_dict())


@pytest.mark.parametrize("how", ["arithmetic", "linear"])
def test_merged_first_gives_a_whole_model(base, two, tmp_path, how):
    merged = wb.merging.combine(two, how, out=tmp_path / "merged", **QUIET)
    before, own = folders.weights(base), folders.weights(merged)
    one, other = (deltas(base, expert.folder) for expert in two.experts.values())
    share = 1.0 if how == "arithmetic" else 0.5
    assert same(own, {name: before[name] + share * (one[name] + other[name]) for name in before})
    wb.load_model(str(merged))


def test_ties_of_adapters_is_ties_of_their_merged_models(base, two, tmp_path):
    for role, expert in two.experts.items():
        folders.copy(base, tmp_path / role, merged_by_peft(base, expert.folder))
    whole = wb.merging.pair(base, tmp_path / "task", tmp_path / "language")
    one, other = (
        folders.weights(wb.merging.combine(pair, "ties", density=1.0, out=tmp_path / str(number), **QUIET))
        for number, pair in enumerate((two, whole))
    )
    assert same(one, other)


def test_patterns_name_modules_as_peft_matches_them(base, tmp_path):
    whole, end = "^model.layers.0.self_attn.q_proj", "layers.1.mlp.down_proj"
    patterns = {"rank_pattern": {whole: 3}, "alpha_pattern": {whole: 64, end: 10}}
    expert = adapter(base, tmp_path / "expert", 6, **patterns)
    merged = wb.merging.combine(wb.merging.pair(base, expert, expert), "linear", out=tmp_path / "merged", **QUIET)
    stacked = wb.merging.combine(wb.merging.pair(base, expert, expert), "lora", out=tmp_path / "stacked", **QUIET)
    expected = deltas(base, expert)
    assert same(deltas(base, stacked), {name: 2 * delta for name, delta in expected.items()})
    before = folders.weights(base)
    assert same(folders.weights(merged), {name: before[name] + expected[name] for name in before})


MAP = ["language", "mean", "task"]


def test_a_swap_takes_both_factors_and_stacks_a_mean(base, two, tmp_path):
    swapped = wb.merging.swap(two, MAP, out=tmp_path / "swapped", **QUIET)
    of = {role: deltas(base, expert.folder) for role, expert in two.experts.items()}
    own = deltas(base, swapped)
    for name, delta in own.items():
        place = MAP[int(name.split(".")[2])] if ".layers." in name else "language"
        expected = (of["task"][name] + of["language"][name]) / 2 if place == "mean" else of[place][name]
        assert torch.allclose(delta, expected, atol=1e-6), name


@pytest.mark.parametrize("role", ["task", "language"])
def test_all_layers_of_one_adapter_are_its_factors(base, two, tmp_path, role):
    swapped = wb.merging.swap(two, [role] * 3, ends=role, out=tmp_path / "swapped", **QUIET)
    expert = two.experts[role].folder
    assert (swapped / FILE).read_bytes() == (expert / FILE).read_bytes()
    assert same(deltas(base, swapped), deltas(base, expert))


def test_a_swap_has_the_layers_of_the_base_not_of_the_adapters(base, tmp_path):
    low = [adapter(base, tmp_path / str(seed), seed, layers_to_transform=[0, 1]) for seed in (1, 2)]
    with pytest.raises(BadArgument, match="a map of the layers of adapters"):  # which would be of two layers
        wb.merging.swap(wb.merging.pair(None, *low), out=tmp_path / "none", **QUIET)
    swapped = wb.merging.swap(wb.merging.pair(base, *low), MAP, out=tmp_path / "swapped", **QUIET)
    expected = deltas(base, low[1])["model.layers.0.self_attn.q_proj.weight"]
    assert torch.allclose(deltas(base, swapped)["model.layers.0.self_attn.q_proj.weight"], expected, atol=1e-6)


def test_a_swapped_adapter_loads(base, two, tmp_path):
    swapped = wb.merging.swap(two, MAP, out=tmp_path / "swapped", **QUIET)
    ids = torch.arange(5, 25)[None]
    wrapped = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(swapped)).eval()
    with torch.no_grad():
        expected = wrapped(ids).logits
        assert torch.allclose(wb.load_model(str(swapped), merge=True).module(ids).logits, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"use_dora": True}, "is DoRA; only plain LoRA adapters are merged"),
        ({"fan_in_fan_out": True}, "is LoRA of weights stored input first"),
        ({"alora_invocation_tokens": [5, 6]}, "changes only what follows its alora_invocation_tokens"),
        ({"init_lora_weights": "pissa"}, "starts from a part of its base .*'pissa'.* convert it to plain LoRA"),
        ({"init_lora_weights": "pissa_niter_4"}, "starts from a part of its base"),
        ({"init_lora_weights": "olora"}, "starts from a part of its base"),
        ({"modules_to_save": ["lm_head"]}, "changes more than LoRA's factors: .*lm_head"),
    ],
)
def test_adapters_that_are_more_than_factors_are_refused(base, two, tmp_path, options, message):
    other = adapter(base, tmp_path / "other", 3, **options)
    settings = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps({**settings, **options}))  # peft corrects some
    with pytest.raises(BrokenModel, match=message):
        wb.merging.pair(base, two.task.folder, other)


@pytest.mark.parametrize("start", [True, False, "gaussian", "orthogonal"])
def test_starts_that_leave_the_base_alone_are_merged_as_peft_merges_them(base, two, tmp_path, start):
    one = adapter(base, tmp_path / "one", 3, init_lora_weights=start)
    pair = wb.merging.pair(base, one, two.language.folder)
    out = wb.merging.combine(pair, "arithmetic", weights=[1, 0], out=tmp_path / "out", **QUIET)
    expected = merged_by_peft(base, one)
    assert same(folders.weights(out), {name: expected[name] for name in folders.weights(out)})


def test_what_does_not_go_together(base, two, tmp_path):
    with pytest.raises(BrokenModel, match=r"is an adapter and .* is not; give two of a kind"):
        wb.merging.pair(base, two.task.folder, base)
    with pytest.raises(BrokenModel, match="is an adapter; the base is a whole model"):
        wb.merging.pair(two.task.folder, base, base)
    other = folders.tiny(tmp_path / "gpt2", "gpt2")
    with pytest.raises(BrokenModel, match=r"does not fit .*gpt2"):
        wb.merging.pair(other, two.task.folder, two.task.folder)
    pair = wb.merging.pair(None, two.task.folder, two.language.folder)
    with pytest.raises(BadArgument, match="how='ties' needs the model that both were tuned from"):
        wb.merging.combine(pair, "ties", out=tmp_path / "out", **QUIET)
    with pytest.raises(BadArgument, match="no module of the adapters is left"):
        wb.merging.swap(two, ["base"] * 3, ends="base", out=tmp_path / "out", **QUIET)
    with pytest.raises(BadArgument, match="a map of the layers of adapters needs the model that both were tuned from"):
        wb.merging.swap(pair, MAP, out=tmp_path / "out", **QUIET)
    for merge in (lambda **how: wb.merging.combine(two, "lora", **how), lambda **how: wb.merging.swap(two, MAP, **how)):
        with pytest.raises(BadArgument, match="dtype='bfloat16' is for whole models"):
            merge(dtype="bfloat16", out=tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadArgument, match="is an adapter: name fewer modules"):
        wb.merging.revert(two.task.folder, base, ["q"], out=tmp_path / "out", **QUIET)
