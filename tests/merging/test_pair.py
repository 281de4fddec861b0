import json
import shutil
import warnings

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

import workbench as wb
from tests.merging import folders
from workbench.errors import BrokenModel, UnknownModel, WorkbenchWarning


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return folders.tiny(tmp_path_factory.mktemp("llama") / "base")


def changed(source, folder, change, **config):
    tensors = folders.weights(source)
    change(tensors)
    return folders.copy(source, folder, tensors, **config)


def test_the_shipped_pair_opens_and_reads_what_safetensors_reads():
    pair = wb.merging.pair("polyglot-base", "polyglot-aligned", "polyglot-base")
    expected = folders.weights(folders.ALIGNED)
    assert pair.names == tuple(sorted(expected))
    assert (pair.layers, pair.task.tied) == (6, True)
    assert all(torch.equal(pair.task.tensor(name), tensor) for name, tensor in expected.items())
    norm = "model.norm.weight"
    moved = expected[norm].float() - folders.weights(folders.BASE)[norm].float()
    assert torch.equal(pair.delta("task", norm), moved) and moved.any()
    assert not pair.delta("language", norm).any()


def test_shards_are_read_as_one_file(llama, tmp_path):
    split = folders.sharded(llama, tmp_path / "split")
    pair = wb.merging.pair(None, llama, split)
    assert all(torch.equal(pair.task.tensor(name), pair.language.tensor(name)) for name in pair.names)


def test_only_the_files_that_load_are_read(llama, tmp_path):
    folder = folders.copy(llama, tmp_path / "two", folders.weights(llama))
    save_file({"x": torch.zeros(1)}, folder / "consolidated.safetensors")
    assert wb.merging.Checkpoint.open(folder).names == wb.merging.Checkpoint.open(llama).names


EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def stored_ends(llama, folder, *, embedding, head, **config):
    """A model with these tensors as embedding and head; None for one that is not stored."""
    others = {name: tensor for name, tensor in folders.weights(llama).items() if name not in (EMBEDDING, HEAD)}
    ends = {name: tensor for name, tensor in ((EMBEDDING, embedding), (HEAD, head)) if tensor is not None}
    return folders.copy(llama, folder, {**others, **ends}, tie_word_embeddings=True, **config)


def test_a_tied_head_is_no_tensor_of_its_own(llama, tmp_path):
    embedding = folders.weights(llama)[EMBEDDING]
    tied = stored_ends(llama, tmp_path / "tied", embedding=embedding, head=embedding.clone())
    opened = wb.merging.Checkpoint.open(tied)
    assert opened.tied and "lm_head.weight" not in opened.names
    assert not wb.merging.Checkpoint.open(llama).tied
    with pytest.raises(BrokenModel, match="tie_word_embeddings is False and True"):
        wb.merging.pair(None, llama, tied)


@pytest.mark.parametrize("stored", ["embedding", "head", "both", "a head of its own"])
def test_however_a_tied_model_is_stored_the_mean_is_that_of_the_models_as_they_load(llama, tmp_path, stored):
    models = []
    for seed in (1, 2):
        embedding = torch.randn(folders.weights(llama)[EMBEDDING].shape, generator=torch.Generator().manual_seed(seed))
        head = embedding + seed if stored == "a head of its own" else embedding.clone()
        ends = {"embedding": embedding if stored != "head" else None, "head": head if stored != "embedding" else None}
        models.append(stored_ends(llama, tmp_path / str(seed), **ends))
    pair = wb.merging.pair(None, *models)
    loaded = [AutoModelForCausalLM.from_pretrained(folder) for folder in models]
    own = loaded[0].lm_head.weight is loaded[0].model.embed_tokens.weight
    assert pair.task.tied is own is (stored != "a head of its own")
    out = wb.merging.combine(pair, "linear", out=tmp_path / "mean", progress=False)
    merged = AutoModelForCausalLM.from_pretrained(out).state_dict()
    for name, tensor in merged.items():
        first, second = (module.state_dict()[name] for module in loaded)
        assert torch.allclose(tensor, (first + second) / 2, atol=1e-6), name


def as_on_the_hub(folder, kind, *, lacking):
    """A tiny model with tied embeddings, or with all key heads, whose config lacks fields, as old ones do."""
    source = folders.tiny(folder / "source", kind)
    tensors, config = folders.weights(source), {}
    if kind == "gemma3":
        del tensors["lm_head.weight"]
    if kind == "llama":
        config = {"num_key_value_heads": 4}
        keys = [name for name in tensors if "k_proj" in name or "v_proj" in name]
        tensors.update({name: tensors[name].repeat(2, 1) for name in keys})
    made = folders.copy(source, folder / "hub", tensors, **config)
    settings = json.loads((made / "config.json").read_text())
    (made / "config.json").write_text(json.dumps({name: settings[name] for name in settings if name not in lacking}))
    return made


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        ("gpt2", ["tie_word_embeddings"]),
        ("gemma3", ["tie_word_embeddings"]),
        ("llama", ["num_key_value_heads", "head_dim", "rope_parameters"]),
    ],
)
def test_a_saved_copy_goes_with_a_config_that_lacks_defaults(tmp_path, kind, lacking):
    hub = as_on_the_hub(tmp_path, kind, lacking=lacking)
    saved = shutil.copytree(hub, tmp_path / "saved")
    AutoModelForCausalLM.from_pretrained(hub).save_pretrained(saved)
    assert {*lacking} <= {*json.loads((saved / "config.json").read_text())}
    with warnings.catch_warnings():
        warnings.simplefilter("error", WorkbenchWarning)
        pair = wb.merging.pair(hub, saved, hub)
    assert all(not pair.delta("task", name).any() for name in pair.names)


def test_a_setting_that_differs_from_the_default_is_refused(tmp_path):
    hub = as_on_the_hub(tmp_path, "llama", lacking=["num_attention_heads", "head_dim", "num_key_value_heads"])
    other = folders.copy(hub, tmp_path / "other", folders.weights(hub), num_attention_heads=4)
    with pytest.raises(BrokenModel, match="num_attention_heads is 32 and 4"):
        wb.merging.pair(None, hub, other)


def test_a_type_that_transformers_lacks_is_compared_as_it_is_written(llama, tmp_path):
    one, other = (
        folders.copy(llama, tmp_path / str(heads), folders.weights(llama), model_type="mine", num_attention_heads=heads)
        for heads in (4, 8)
    )
    wb.merging.pair(None, one, one)
    with pytest.raises(BrokenModel, match="num_attention_heads is 4 and 8"):
        wb.merging.pair(None, one, other)


@pytest.mark.parametrize("own", [False, True], ids=["the embedding again", "a head of its own"])
def test_a_stored_head_without_the_setting_is_opened_as_it_loads(tmp_path, own):
    hub = as_on_the_hub(tmp_path, "gpt2", lacking=["tie_word_embeddings"])
    tensors = folders.weights(hub)
    head = tensors["transformer.wte.weight"] + float(own)
    twice = folders.copy(hub, tmp_path / "twice", {**tensors, "lm_head.weight": head})
    module, opened = AutoModelForCausalLM.from_pretrained(twice), wb.merging.Checkpoint.open(twice)
    assert opened.tied is (module.lm_head.weight is module.transformer.wte.weight) is not own
    assert ("lm_head.weight" in opened.names) is own


KEY = "model.layers.1.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tensors: tensors.update({KEY: torch.zeros(3, 32)}),
            rf"other shapes: {KEY} is \[48, 32\] and \[3, 32\]",
        ),
        (lambda tensors: tensors.pop(KEY), f"other tensors: '.*other' lacks {KEY}"),
        (lambda tensors: tensors.update({KEY: tensors[KEY].to(torch.int8)}), f"store {KEY} as F32 and I8"),
    ],
    ids=["shape", "name", "type"],
)
def test_other_tensors_are_refused(llama, tmp_path, change, message):
    other = changed(llama, tmp_path / "other", change)
    with pytest.raises(BrokenModel, match=message):
        wb.merging.pair(None, llama, other)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_where_they_are_read(llama, tmp_path, value):
    other = changed(llama, tmp_path / "other", lambda tensors: tensors[KEY].__setitem__((5, 7), value))
    pair = wb.merging.pair(None, llama, other)
    with pytest.raises(BrokenModel, match=f"weights in {KEY} that are NaN or infinite"):
        pair.language.tensor(KEY)


def test_another_vocabulary_is_refused(llama, tmp_path):
    other = folders.copy(llama, tmp_path / "other", folders.weights(llama))
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(BrokenModel, match="other vocabularies, first at token"):
        wb.merging.pair(None, llama, other)
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer, indent=3))  # the same one, written otherwise
    wb.merging.pair(None, llama, other)


def test_other_heads_are_refused_and_other_settings_warned_of(llama, tmp_path):
    heads = folders.copy(llama, tmp_path / "heads", folders.weights(llama), num_attention_heads=8)
    with pytest.raises(BrokenModel, match="num_attention_heads is 4 and 8"):
        wb.merging.pair(None, llama, heads)
    norm = folders.copy(llama, tmp_path / "norm", folders.weights(llama), rms_norm_eps=0.1)
    with pytest.warns(WorkbenchWarning, match="other settings in their config.json .rms_norm_eps."):
        wb.merging.pair(None, llama, norm)


def test_files_that_are_no_model(llama, tmp_path):
    with pytest.raises(UnknownModel, match="nowhere"):
        wb.merging.pair(None, llama, "nowhere")
    pickled = folders.copy(llama, tmp_path / "pickled", folders.weights(llama))
    (pickled / folders.WEIGHTS).rename(pickled / "pytorch_model.bin")
    with pytest.raises(BrokenModel, match=r"no \.safetensors file"):
        wb.merging.pair(None, llama, pickled)
    short = folders.copy(llama, tmp_path / "short", folders.weights(llama))
    data = (short / folders.WEIGHTS).read_bytes()
    (short / folders.WEIGHTS).write_bytes(data[:-100])
    with pytest.raises(BrokenModel, match="cannot be read"):
        wb.merging.pair(None, llama, short)
    both = folders.copy(llama, tmp_path / "both", folders.weights(llama))
    (both / "adapter_config.json").write_text("{}")
    with pytest.raises(BrokenModel, match="holds a model and an adapter"):
        wb.merging.pair(None, llama, both)
    codes = folders.copy(llama, tmp_path / "codes", folders.weights(llama), quantization_config={"bits": 4})
    with pytest.raises(BrokenModel, match="is quantised"):
        wb.merging.pair(None, llama, codes)
