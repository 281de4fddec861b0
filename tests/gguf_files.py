"""Tiny GGUF files: the random models of `tests.models`, written by the package gguf as llama.cpp would."""

from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import pre_tokenizers

from tests.models import tiny

SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
LETTERS = ["▁", *"abcdefghijklmnopqrstuvwxyz", "ab", "▁a", "▁ab"]
CONTROL, USUAL, BYTE = 3, 1, 6


def write_gguf(
    path: Path, kind: str = "llama", *, quantized: bool = False, changes: dict | None = None
) -> torch.nn.Module:
    """Write a random model and its tokenizer; returns the module whose weights the file has.

    Args:
        path: the file.
        kind: `llama` (tokens are bytes) or `gemma3` (letters, and bytes for the rest).
        quantized: weights whose rows allow it in Q8_0; the module returned has them as the file does.
        changes: settings to add or to replace; one that is None is left out.
    """
    module = tiny(kind)
    writer = gguf.GGUFWriter(path, kind)
    settings = {**_settings(module.config, kind), **_tokens(kind), **(changes or {})}
    for name, value in settings.items():
        if value is not None:
            _add(writer, name, value)
    names = gguf.get_tensor_name_map(
        {"llama": gguf.MODEL_ARCH.LLAMA, "gemma3": gguf.MODEL_ARCH.GEMMA3}[kind], module.config.num_hidden_layers
    )
    for name, weight in module.state_dict().items():
        stored = _as_llama_cpp(name, weight.numpy(), module.config, kind)
        stem = names.get_name(name.removesuffix(".weight"))
        assert stem, name
        if quantized and stored.ndim == 2 and stored.shape[1] % 32 == 0:
            blocks = gguf.quants.quantize(stored, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(f"{stem}.weight", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
            change = gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType.Q8_0)
            weight.copy_(torch.from_numpy(_as_transformers(name, change, module.config, kind).copy()))
        else:
            writer.add_tensor(f"{stem}.weight", np.ascontiguousarray(stored))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return module


def _settings(config, kind):
    settings = {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "vocab_size": config.vocab_size,
    }
    if kind == "llama":
        settings |= {"rope.freq_base": 10000.0, "rope.dimension_count": config.head_dim}
    else:
        settings |= {"rope.freq_base": 1000000.0, "attention.sliding_window": config.sliding_window}
        settings |= {"attention.key_length": config.head_dim, "attention.value_length": config.head_dim}
    return {f"{kind}.{name}": value for name, value in settings.items()}


def _tokens(kind):
    if kind == "llama":
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokens, kinds = [*SPECIAL, *alphabet, "Ġt"], [CONTROL] * 4 + [USUAL] * 257
        own = {"model": "gpt2", "pre": "smollm", "merges": ["Ġ t"]}
    else:
        tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *LETTERS]
        kinds = [CONTROL] * 4 + [BYTE] * 256 + [USUAL] * len(LETTERS)
        own = {"model": "llama", "scores": [float(-place) for place in range(len(tokens))], "add_space_prefix": False}
    own |= {"tokens": tokens, "token_type": kinds, "add_bos_token": True}
    own |= {"padding_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 3}
    return {f"tokenizer.ggml.{name}": value for name, value in own.items()}


def _add(writer, name, value):
    if isinstance(value, list):
        writer.add_array(name, value)
    else:
        add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        add[type(value)](name, value)


def _as_llama_cpp(name, weight, config, kind):
    """Llama's queries and keys with the halves of a head interleaved; Gemma's norms with their one added."""
    if kind == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
        return weight.reshape(-1, 2, config.head_dim // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)
    return weight + 1 if kind == "gemma3" and "norm" in name else weight


def _as_transformers(name, weight, config, kind):
    if kind == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
        return weight.reshape(-1, config.head_dim // 2, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)
    return weight
