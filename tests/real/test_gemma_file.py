"""What was unpacked is what the GGUF file and the published model say: weights, settings, tokens, losses."""

import json
import math

import gguf
import numpy as np
import pytest
import torch
from safetensors import safe_open

import workbench as wb
from tests.real.conftest import NAME
from workbench import packaged
from workbench.model.batching import streamed
from workbench.model.loading.unpack import digest, unpacked
from workbench.model.loading.unpack.header import read_header

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("gemma")]
TENSORS = {
    "blk.0.attn_q.weight": "model.layers.0.self_attn.q_proj.weight",
    "blk.9.attn_output.weight": "model.layers.9.self_attn.o_proj.weight",
    "blk.17.ffn_down.weight": "model.layers.17.mlp.down_proj.weight",
    "blk.5.attn_v.weight": "model.layers.5.self_attn.v_proj.weight",
    "blk.5.attn_q_norm.weight": "model.layers.5.self_attn.q_norm.weight",
    "blk.11.post_ffw_norm.weight": "model.layers.11.post_feedforward_layernorm.weight",
    "output_norm.weight": "model.norm.weight",
}


@pytest.fixture(scope="module")
def folder(model):
    return unpacked(NAME)


def test_weights_are_those_of_the_file(folder, tmp_path):
    file = tmp_path / "whole.gguf"
    assert digest(tuple(packaged.MODELS[NAME].files()), file) == packaged.MODELS[NAME].sha256
    header = read_header(file, NAME)
    data = np.memmap(file, mode="r")
    sizes = {kind.value: size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    with safe_open(folder / "model.safetensors", "pt") as stored:
        for tensor in header.tensors:
            if tensor.name in TENSORS:
                found = stored.get_tensor(TENSORS[tensor.name])
                block, width = sizes[tensor.kind]
                start = header.start + tensor.offset
                raw = np.array(data[start : start + tensor.elements // block * width])
                raw = raw.view(np.float32) if width == 4 else raw.reshape(len(found), -1)
                wanted = gguf.dequantize(raw, gguf.GGMLQuantizationType(tensor.kind))
                wanted = wanted - 1 if "norm" in tensor.name else wanted  # llama.cpp stores one plus Gemma's weight
                assert found.dtype == torch.float32
                np.testing.assert_array_equal(found.numpy(), wanted, err_msg=tensor.name)


def test_settings_are_the_published_ones(folder):
    config = json.loads((folder / "config.json").read_text())
    expected = {
        "hidden_size": 640,
        "intermediate_size": 2048,
        "num_hidden_layers": 18,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "sliding_window": 512,
        "max_position_embeddings": 32768,
        "vocab_size": 262144,
        "tie_word_embeddings": True,
        "hidden_activation": "gelu_pytorch_tanh",
        "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 3,
    }
    assert {name: config[name] for name in expected} == expected
    assert config["rms_norm_eps"] == pytest.approx(1e-6)
    bases = {kind: settings["rope_theta"] for kind, settings in config["rope_parameters"].items()}
    assert bases == {"full_attention": 1e6, "sliding_attention": 1e4}


def test_where_it_comes_from_is_recorded(model, folder):
    assert model.name == NAME
    assert model.info["revision"] == f"gguf:{packaged.MODELS[NAME].sha256}"
    assert (folder / "GEMMA_TERMS.html").is_file()
    assert not list(folder.glob("*.gguf"))


def test_every_text_begins_once_and_comes_back(model):
    tokenizer = model.tokenizer
    corpus = wb.load_corpus("parallel")
    texts = [text for rows in corpus.texts.values() for text in rows]
    for text in [*texts, "  two  spaces ", "a\n\nb\t\tc", "naïve 🙂 १२३", ""]:
        found = tokenizer(text).input_ids
        assert found[0] == 2 and found.count(2) == 1
        assert tokenizer.decode(found[1:]) == text
    assert tokenizer("Hello world").input_ids == [2, 9259, 1902]
    assert tokenizer("a  b").input_ids == [2, 236746, 138, 236763]  # two spaces are one token


@torch.no_grad()
def test_losses_are_those_of_a_language_model(model):
    for language in ("ar", "en", "hi", "ru", "zh"):
        corpus = wb.load_corpus("parallel", languages=[language], limit=4)
        total = count = 0
        for batch in streamed(model, corpus, batch_size=4):
            scores = model.logits(batch)[:, :-1].log_softmax(-1)
            read = batch.mask[:, 1:].bool()
            total -= float(scores.gather(2, batch.ids[:, 1:, None])[..., 0][read].sum())
            count += int(read.sum())
        size = sum(len(text.encode()) for text in corpus.texts[language])
        assert 3 < total / count < 6, f"{language}: {total / count:.2f} nats a token"
        assert total / size / math.log(2) < 2.5, f"{language}: {total / size / math.log(2):.2f} bits a byte"
