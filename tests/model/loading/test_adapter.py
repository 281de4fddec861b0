"""PEFT adapters from folders: exact, merged or not, and refused where a part of them would be lost."""

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file

from tests.models import byte_tokenizer, save, tiny
from workbench import load_model
from workbench.errors import BadArgument, BrokenModel, UnknownModel, WorkbenchWarning
from workbench.model.load import files_hash


def adapter(folder, base, *, kind="llama", tokenizer=False, **changes):
    """Write a random adapter of a tiny model; returns its folder and the adapted model's logits function."""
    options = {"r": 4, "target_modules": ["q_proj", "o_proj", "down_proj"], **changes}
    torch.manual_seed(1)
    adapted = get_peft_model(tiny(kind), LoraConfig(init_lora_weights=False, task_type="CAUSAL_LM", **options)).eval()
    adapted.save_pretrained(folder)
    edit(folder, base_model_name_or_path=str(base))
    if tokenizer:
        byte_tokenizer().save_pretrained(folder)
    return adapted


def edit(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def base(tmp_path):
    return save("llama", tmp_path / "base")


def gap(model, reference):
    batch = model.batch(["Grüße an alle"])
    with torch.no_grad():
        return float((model.logits(batch) - reference(input_ids=batch.ids).logits).abs().max())


@pytest.mark.parametrize("where", ["absolute", "beside", "same"])
def test_an_adapter_loads_onto_its_base(where, base, tmp_path):
    folder = base if where == "same" else tmp_path / "adapter"
    reference = adapter(folder, {"absolute": base, "beside": "../base", "same": "elsewhere/on-the-hub"}[where])
    plain, merged = load_model(folder), load_model(folder, merge=True)
    assert gap(plain, reference) < 1e-5 and gap(merged, reference) < 1e-5
    assert any(hasattr(part, "base_layer") for part in plain.module.modules())
    assert not any(hasattr(part, "base_layer") for part in merged.module.modules())
    assert plain.digest == load_model(folder).digest
    assert len({plain.digest, merged.digest}) == 2
    assert plain.revision.startswith("adapter ") and merged.revision.endswith("merged")


def test_the_digest_covers_base_and_adapter(base, tmp_path):
    adapter(tmp_path / "adapter", base)
    first = load_model(tmp_path / "adapter").digest
    edit(tmp_path / "adapter", lora_alpha=3)
    second = load_model(tmp_path / "adapter").digest
    save("llama", base, seed=1)
    assert len({first, second, load_model(tmp_path / "adapter").digest}) == 3


def test_the_hash_of_all_files_follows_each_of_them(base, tmp_path):
    folder = tmp_path / "adapter"
    adapter(folder, "../base")
    assert files_hash(base) == load_model(base).digest
    hashes = [files_hash(folder), files_hash(folder)]
    edit(folder, lora_alpha=3)
    hashes.append(files_hash(folder))
    byte_tokenizer().save_pretrained(folder)
    hashes.append(files_hash(folder))
    save("llama", base, seed=1)
    hashes.append(files_hash(folder))
    assert hashes[0] == hashes[1] and len(set(hashes)) == 4
    edit(folder, base_model_name_or_path="../nowhere")
    with pytest.raises(BrokenModel, match="which is not there"):
        files_hash(folder)
    with pytest.raises(UnknownModel, match="no/such-model"):
        files_hash("no/such-model")


def test_an_adapter_of_a_shipped_model(tmp_path):
    module = load_model("polyglot").module
    width = module.config.hidden_size
    torch.manual_seed(0)
    import transformers

    from workbench import shipped

    fresh = transformers.AutoModelForCausalLM.from_pretrained(shipped.folder("polyglot"), dtype=torch.float32).eval()
    adapted = get_peft_model(fresh, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)).eval()
    adapted.save_pretrained(tmp_path / "adapter")
    edit(tmp_path / "adapter", base_model_name_or_path="polyglot")
    model = load_model(tmp_path / "adapter")
    assert model.d_model == width and gap(model, adapted) < 1e-4


def test_trained_embeddings_and_heads_come_along(base, tmp_path):
    reference = adapter(tmp_path / "adapter", base, modules_to_save=["lm_head"])
    with torch.no_grad():
        reference.get_base_model().lm_head.weight.add_(0.1)
    reference.save_pretrained(tmp_path / "adapter")
    edit(tmp_path / "adapter", base_model_name_or_path=str(base))
    assert gap(load_model(tmp_path / "adapter"), reference) < 1e-5
    assert gap(load_model(tmp_path / "adapter", merge=True), reference) < 1e-5


def from_scratch(folder, base, **options):
    """Write an adapter that starts as `options` say, and has moved since; returns peft's own reading of its folder."""
    adapted = get_peft_model(tiny("llama"), LoraConfig(r=4, task_type="CAUSAL_LM", **options))
    torch.manual_seed(1)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data += 0.1 * torch.randn_like(parameter)
    adapted.save_pretrained(folder)
    edit(folder, base_model_name_or_path=str(base))
    return adapted


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_factors_of_embeddings_and_heads_come_with_the_layer_that_peft_stores_beside_them(target, base, tmp_path):
    folder = tmp_path / "adapter"
    from_scratch(folder, base, target_modules=["q_proj", target])
    stored = load_file(folder / "adapter_model.safetensors")
    (key,) = [name for name in stored if name.endswith(f"{target}.base_layer.weight")]
    save_file({**stored, key: stored[key] + 0.1}, folder / "adapter_model.safetensors")
    right = PeftModel.from_pretrained(tiny("llama"), folder).eval()
    assert gap(load_model(folder), right) < 1e-5 and gap(load_model(folder, merge=True), right) < 1e-5


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_a_start_from_a_part_of_the_base_is_taken_out_of_it(start, base, tmp_path):
    right = from_scratch(tmp_path / "adapter", base, target_modules=["q_proj"], init_lora_weights=start)
    assert gap(load_model(tmp_path / "adapter"), right.eval()) < 1e-4


def test_a_start_that_is_drawn_again_at_each_load_is_warned_of(base, tmp_path):
    from_scratch(tmp_path / "adapter", base, target_modules=["q_proj"], init_lora_weights="pissa_niter_2")
    with pytest.warns(WorkbenchWarning, match="drawn again at each load, so the numbers differ"):
        load_model(tmp_path / "adapter")


def test_an_adapter_that_is_active_after_certain_tokens_alone(base, tmp_path):
    adapted = from_scratch(tmp_path / "adapter", base, target_modules=["q_proj"], alora_invocation_tokens=[70, 71])
    with pytest.raises(BrokenModel, match="is an activated LoRA"):
        load_model(tmp_path / "adapter")
    with pytest.raises(BrokenModel, match="with an activated LoRA"):
        load_model(adapted.get_base_model(), tokenizer=byte_tokenizer())


def test_the_adapters_own_tokenizer_goes_before_the_bases(base, tmp_path):
    adapter(tmp_path / "adapter", base, tokenizer=True)
    (base / "tokenizer.json").unlink()
    assert load_model(tmp_path / "adapter").batch("a").ids.tolist() == [[1, 4 + 64]]


def test_an_adapter_without_weights(base):
    (base / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": "x"}))
    with pytest.raises(BrokenModel, match=r"adapter_config.json and no adapter_model.safetensors"):
        load_model(base)


def test_pickled_adapters_need_to_be_allowed(base, tmp_path):
    folder = tmp_path / "adapter"
    reference = adapter(folder, base)
    weights = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(weights, folder / "adapter_model.bin")
    with pytest.raises(BrokenModel, match="allow_pickle=True"):
        load_model(folder)
    assert gap(load_model(folder, allow_pickle=True), reference) < 1e-5


def test_without_peft(base, tmp_path, monkeypatch):
    adapter(tmp_path / "adapter", base)
    from workbench.model.loading import adapter as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(BadArgument, match=r"pip install 'babel-workbench\[adapters\]'"):
        load_model(tmp_path / "adapter")


def test_a_base_that_is_not_there_or_not_named(tmp_path):
    adapter(tmp_path / "adapter", "/no/such/base")
    with pytest.raises(BrokenModel, match=r"is an adapter of '/no/such/base', which is not there"):
        load_model(tmp_path / "adapter")
    edit(tmp_path / "adapter", base_model_name_or_path=None)
    with pytest.raises(BrokenModel, match="base_model_name_or_path"):
        load_model(tmp_path / "adapter")


def test_an_adapter_of_another_model(tmp_path):
    adapter(tmp_path / "adapter", "../gpt2")
    save("gpt2", tmp_path / "gpt2")
    with pytest.raises(BrokenModel, match="does not fit its base"):
        load_model(tmp_path / "adapter")


@pytest.mark.parametrize(("change", "words"), [("fewer", "lacks 1 weights"), ("more", "holds 1 that")])
def test_weights_of_an_adapter_that_are_missing_or_not_used(change, words, base, tmp_path):
    folder = tmp_path / "adapter"
    adapter(folder, base)
    weights = load_file(folder / "adapter_model.safetensors")
    name = next(iter(weights))
    value = weights.pop(name)
    if change == "more":
        weights |= {name: value, name.replace("layers.0", "layers.9"): value.clone()}
    save_file(weights, folder / "adapter_model.safetensors")
    with pytest.raises(BrokenModel, match=words):
        load_model(folder)


def test_prompts_are_no_change_of_the_model(base, tmp_path):
    prompts = get_peft_model(tiny("llama"), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    prompts.save_pretrained(tmp_path / "adapter")
    edit(tmp_path / "adapter", base_model_name_or_path=str(base))
    with pytest.raises(BrokenModel, match="PROMPT_TUNING"):
        load_model(tmp_path / "adapter")


def test_merge_is_for_adapters(base):
    with pytest.raises(BadArgument, match=r"merge=True merges an adapter, and .* has no adapter"):
        load_model(base, merge=True)
    with pytest.raises(BadArgument, match="a module in memory is taken as it is"):
        load_model(tiny("llama"), tokenizer=byte_tokenizer(), merge=True)
