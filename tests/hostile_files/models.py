"""Model folders and files that read other files, or declare what their weights do not hold."""

import json
import os
import pickle
import re
import struct
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests.gguf_files import write_gguf
from tests.models import save


def honest(folder, name="honest"):
    """A small model in hub format."""
    return save("llama", folder / name)


def sharded(folder, name="sharded"):
    """The same in two files with an index."""
    path = honest(folder, name)
    weights = load_file(path / "model.safetensors")
    half = len(weights) // 2
    parts = {"a.safetensors": dict(list(weights.items())[:half]), "b.safetensors": dict(list(weights.items())[half:])}
    for file, part in parts.items():
        save_file(part, path / file, metadata={"format": "pt"})
    (path / "model.safetensors").unlink()
    write_index(path, {key: file for file, part in parts.items() for key in part})
    return path


def write_index(path, places):
    """Write which weight lies in which file."""
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


class _Marks:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def pickled_in_index(folder):
    """An index that names a pickled file, beside safetensors that nothing reads."""
    path = sharded(folder, "pickled")
    (path / "p.bin").write_bytes(pickle.dumps(_Marks(folder / "ran")))
    write_index(path, {"model.embed_tokens.weight": "p.bin"})
    return path


def _index_of(name, file):
    def build(folder):
        path, secret = sharded(folder, name), honest(folder, "secret")
        write_index(path, {"model.embed_tokens.weight": file(secret)})
        return path

    build.__name__, build.__doc__ = name, "An index that names what is no file of the folder."
    return build


def link_out(folder):
    """Weights that are a link into another folder."""
    path, secret = honest(folder, "linked"), honest(folder, "secret")
    (path / "model.safetensors").unlink()
    (path / "model.safetensors").symlink_to(secret / "model.safetensors")
    return path


def tokenizer_link_out(folder):
    """A tokenizer that is a link into another folder."""
    path, secret = honest(folder, "words"), honest(folder, "secret")
    (path / "tokenizer.json").unlink()
    (path / "tokenizer.json").symlink_to(os.path.relpath(secret / "tokenizer.json", path))
    return path


def blobs_link_out(folder):
    """A snapshot as in the hub's cache whose blobs are a link elsewhere."""
    secret = honest(folder, "secret")
    path = honest(folder / "cache" / "snapshots", "commit")
    (folder / "cache" / "blobs").symlink_to(secret)
    (path / "model.safetensors").unlink()
    (path / "model.safetensors").symlink_to("../../blobs/model.safetensors")
    return path


def named_weights(folder):
    """A config that names weights in another folder."""
    honest(folder, "secret")
    return _config(folder, "named", {"transformers_weights": "../secret/model.safetensors"})


def named_pickle(folder):
    """A config that names a pickled file."""
    path = _config(folder, "named_pickle", {"transformers_weights": "adapter_model.bin"})
    (path / "adapter_model.bin").write_bytes(pickle.dumps(_Marks(folder / "ran")))
    return path


def pipe_weights(folder):
    """Weights that are a pipe: whoever opens it waits."""
    path = honest(folder, "pipe")
    (path / "model.safetensors").unlink()
    os.mkfifo(path / "model.safetensors")
    return path


def huge_header(folder):
    """Weights whose header is said to be a terabyte long."""
    path = honest(folder, "header")
    (path / "model.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{}")
    return path


def huge_tensor(folder):
    """Weights whose header declares a terabyte."""
    path = honest(folder, "tensor")
    header = json.dumps({"lm_head.weight": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}}).encode()
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    return path


def _config(folder, name, changes):
    path = honest(folder, name)
    text = changes if isinstance(changes, str) else _changed(path, changes)
    (path / "config.json").write_text(text, encoding="latin-1")
    return path


def _changed(path, changes):
    return json.dumps({**json.loads((path / "config.json").read_text()), **changes})


def _config_of(name, changes):
    def build(folder):
        return _config(folder, name, changes)

    build.__name__, build.__doc__ = f"config_{name}", f"A config.json that cannot be: {name}."
    return build


def _gguf(name, change):
    def build(folder):
        path = folder / f"{name}.gguf"
        write_gguf(path)
        path.write_bytes(change(path.read_bytes()))
        return path

    build.__name__, build.__doc__ = f"gguf_{name}", f"A GGUF file whose header cannot be: {name}."
    return build


def _gguf_with(name, changes):
    def build(folder):
        path = folder / f"{name}.gguf"
        write_gguf(path, changes=changes)
        return path

    build.__name__, build.__doc__ = f"gguf_{name}", f"A GGUF file whose settings cannot be: {name}."
    return build


def _upon_each_other(data):
    """Every tensor begins at the first, so that the file needs the longest one's bytes alone."""
    changed = bytearray(data)
    for name in re.finditer(rb"(blk\.\d|output|token)[a-z_.]+weight", data):
        (axes,) = struct.unpack_from("<I", data, name.end())
        struct.pack_into("<Q", changed, name.end() + 4 + 8 * axes + 4, 0)
    longest = 4 * 300 * 32
    return bytes(changed[: -len(data) // 2 + longest])


def _gguf_setting(kind, value):
    """A GGUF header with one setting and no tensors."""
    key = b"general.x"
    return b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, len(key)) + key + struct.pack("<I", kind) + value + bytes(64)


def _nested(depth):
    return struct.pack("<IQ", 9, 1) * depth


def quantized_pickle(folder):
    """A pickled file of a folder that is read without leave to unpickle."""
    path = honest(folder, "only_pickle")
    (path / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(1)}, path / "pytorch_model.bin")
    return path


MODELS = [
    pickled_in_index,
    _index_of("above", lambda secret: "../secret/model.safetensors"),
    _index_of("absolute", lambda secret: str(secret / "model.safetensors")),
    _index_of("number", lambda secret: 3),
    _index_of("absent", lambda secret: "nowhere.safetensors"),
    link_out,
    tokenizer_link_out,
    blobs_link_out,
    named_weights,
    named_pickle,
    pipe_weights,
    huge_header,
    huge_tensor,
    quantized_pickle,
    *(
        _config_of(f"{field}_{str(value)[:12]}", {field: value})
        for field in ("num_hidden_layers", "vocab_size", "hidden_size", "num_attention_heads", "intermediate_size")
        for value in (10**6, 10**12, 0, -1, 2.5, "3", [3], {})
    ),
    *(
        _config_of(f"{field}_{value}", {field: value})
        for field in ("max_position_embeddings", "num_key_value_heads", "head_dim")
        for value in (0, -1, 2.5, "3")
    ),
    _config_of("wide_heads", {"head_dim": 10**9}),
    _config_of("endless", {"rms_norm_eps": float("inf")}),
    _config_of("layers_null", {"num_hidden_layers": None}),
    _config_of("kind_list", {"model_type": [1]}),
    _config_of("quantization", {"quantization_config": 3}),
    _config_of("rope", {"rope_parameters": "x"}),
    _config_of("text_part_layers", {"text_config": {"num_hidden_layers": 10**6}}),
    _config_of("picture_part_layers", {"vision_config": {"depth": 10**6}}),
    _config_of("list", "[]"),
    _config_of("null", "null"),
    _config_of("deep", "[" * 100_000),
    _config_of("deep_objects", '{"a":' * 100_000),
    _config_of("long_number", '{"hidden_size": ' + "9" * 5000 + "}"),
    _config_of("no_text", "\xff\xfe"),
    _gguf("many_tensors", lambda data: data[:8] + struct.pack("<Q", 2**60) + data[16:]),
    _gguf("many_settings", lambda data: data[:16] + struct.pack("<Q", 2**60) + data[24:]),
    _gguf("long_text", lambda data: _gguf_setting(8, struct.pack("<Q", 2**62))),
    _gguf("long_array", lambda data: _gguf_setting(9, struct.pack("<IQ", 0, 2**62))),
    _gguf("many_texts", lambda data: _gguf_setting(9, struct.pack("<IQ", 8, 2**62))),
    _gguf("deep_arrays", lambda data: _gguf_setting(9, _nested(10_000))),
    _gguf("tensors_upon_each_other", _upon_each_other),
    _gguf_with("many_layers", {"llama.block_count": 10**6}),
    _gguf_with("no_layers", {"llama.block_count": "x"}),
    _gguf_with("wide", {"llama.embedding_length": 2**17}),
    _gguf_with("alignment_zero", {"general.alignment": 0}),
    _gguf_with("alignment_text", {"general.alignment": "x"}),
    _gguf_with("split_text", {"split.count": "x"}),
    _gguf_with("no_heads", {"llama.attention.head_count": 0}),
    _gguf_with("architecture_number", {"general.architecture": 3}),
    _gguf("unknown_type", lambda data: _gguf_setting(99, b"")),
]
