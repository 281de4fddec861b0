"""Loading: parity with Hugging Face, abilities as seen, and a clear error for every broken folder."""

import shutil

import pytest
import torch
import transformers

from tests.models import byte_tokenizer, save, tiny
from workbench import load_model, shipped
from workbench.errors import BadArgument, BrokenModel, TooLarge, UnknownModel, UnsupportedSite

SHAPES = [
    "gpt2",
    "llama",
    "qwen2",
    "qwen3",
    "gemma2",
    "gemma3",
    "mistral",
    "bloom",
    "cohere",
    "cohere2",
    "neox",
    "phi3",
]


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture
def broken(llama_folder, tmp_path):
    return shutil.copytree(llama_folder, tmp_path / "broken")


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "gemma2", "mistral", "bloom", "cohere"])
def test_a_folder_in_hub_format_loads_and_gives_the_logits_of_hugging_face(kind, tmp_path):
    folder = save(kind, tmp_path / kind)
    model = load_model(folder)
    eager = {"dtype": torch.float32, "attn_implementation": "eager"}  # fused attention may leave out a soft cap
    reference = transformers.AutoModelForCausalLM.from_pretrained(folder, **eager).eval()
    batch = model.batch(["Grüße an alle", "नमस्ते"])
    with torch.no_grad():
        wanted = reference(input_ids=batch.ids, attention_mask=batch.mask).logits
        logits = model.logits(batch)
    real = batch.mask.bool()
    torch.testing.assert_close(logits[real], wanted[real], atol=1e-5, rtol=1e-5)
    assert model.info["hash"] == load_model(folder).info["hash"]


@pytest.mark.parametrize("kind", SHAPES)
def test_every_shape_has_its_sites_and_can_restart(kind, wrapped):
    model = wrapped(kind)
    assert (model.n_layers, model.n_heads, model.d_head) == (3, 4, 8)
    fuses = kind not in ("gemma2", "bloom", "gpt2")  # soft caps and alibi need the pattern; GPT-2's W_O is not hooked
    works = dict.fromkeys(("head", "pattern", "neuron", "restart", "linear", "generate"), True)
    assert model.abilities == {**works, "fused": fuses}
    assert max(model.parity[figure] for figure in ("logits", "read", "padding", "restart", "generate")) < 1e-5


@pytest.mark.parametrize("kind", ["opt", "xglm"])
def test_an_architecture_that_discards_pattern_edits_refuses_them(kind, wrapped):
    model = wrapped(kind)
    assert not model.abilities["pattern"]
    with pytest.raises(UnsupportedSite, match="pattern"):
        model.require("pattern")


def test_experts_are_not_taken_for_neurons(wrapped):
    model = wrapped("qwen3_moe")
    assert not model.abilities["neuron"]
    with pytest.raises(UnsupportedSite, match="neuron"):
        model.require("neuron")


def test_a_name_that_nothing_has():
    with pytest.raises(UnknownModel, match=r"no-such-model.*not a shipped model"):
        load_model("no-such-model")
    with pytest.raises(UnknownModel, match="not a folder"):
        load_model("./no/such/folder")


@pytest.mark.parametrize(
    ("file", "words"),
    [("config.json", "no config.json"), ("model.safetensors", "no .safetensors"), ("tokenizer.json", "no tokenizer")],
)
def test_a_folder_that_lacks_a_file(broken, file, words):
    (broken / file).unlink()
    with pytest.raises(BrokenModel, match=words):
        load_model(broken)


def test_truncated_weights(broken):
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(BrokenModel, match="weights that cannot be read"):
        load_model(broken)


def test_weights_that_are_missing_are_not_made_up(broken):
    config = broken / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 3', '"num_hidden_layers": 4'))
    with pytest.raises(BrokenModel, match=r"lacks 9 of its weights, first model.layers.3"):
        load_model(broken)


def test_nan_weights_are_named():
    module = tiny("llama")
    module.model.layers[1].mlp.up_proj.weight.data[0, 0] = float("nan")
    with pytest.raises(BrokenModel, match=r"1 weights in model.layers.1.mlp.up_proj.weight"):
        load_model(module, tokenizer=byte_tokenizer())


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_files_that_are_not_json(broken, file):
    (broken / file).write_text("{bad")
    with pytest.raises(BrokenModel, match=r"config.json|tokenizer"):
        load_model(broken)


def test_too_little_memory_is_seen_before_loading(llama_folder, monkeypatch):
    from types import SimpleNamespace

    import psutil

    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(TooLarge, match="are free"):
        load_model(llama_folder)


def test_options_that_cannot_be(llama_folder):
    with pytest.raises(BadArgument, match=r"int8.*float32"):
        load_model(llama_folder, dtype="int8")
    with pytest.raises(BadArgument, match=r"abacus.*cpu"):
        load_model(llama_folder, device="abacus")
    with pytest.raises(BrokenModel, match="tokenizer="):
        load_model(tiny("llama"))


def test_bfloat16_on_request(llama_folder):
    assert load_model(llama_folder, dtype="bfloat16").dtype == torch.bfloat16
    assert load_model(llama_folder).dtype == torch.float32


def test_the_shipped_model_loads_and_is_small():
    assert "polyglot" in shipped.models()
    model = load_model()
    assert model.name == "polyglot" and all(model.abilities.values())
    assert sum(file.stat().st_size for file in (shipped.DATA / "polyglot").iterdir()) <= 12 * 2**20
