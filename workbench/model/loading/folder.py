"""A model folder in hub format: its files, whether they can be loaded, and their hash."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import psutil
from safetensors import SafetensorError, safe_open

from workbench.errors import BrokenModel, TooLarge, first_line
from workbench.model.checks.remembered import file_hash

_DECIDING = (
    *("*.safetensors", "*.bin", "*.index.json", "*config.json"),
    *("tokenizer*", "vocab*", "merges.txt", "*tokens*.json", "*.jinja"),
)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_PARTS = ("depth", "encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers")
_SIZES = (*_LAYERS, "hidden_size", "n_embd", "vocab_size", "num_attention_heads", "n_head", "intermediate_size")
_DERIVED = ("num_key_value_heads", "head_dim", "n_inner", "max_position_embeddings", "n_positions")  # or null


def check_folder(path: Path, name: str, width: int | None, allow_pickle: bool, *, tokenizer: bool = True) -> None:
    """Refuse a folder that lacks a file, whose config is invalid, or whose weights do not fit in memory.

    Args:
        path: the folder.
        name: for messages.
        width: bytes that a weight takes in memory; None where that is not to be checked.
        allow_pickle: weights may be pickled.
        tokenizer: the folder has to hold one.

    Raises:
        BrokenModel: names the file.
        TooLarge: states what is needed and what is free.
    """
    if not (path / "config.json").is_file():
        raise BrokenModel(f"{name!r} has no config.json; a model folder holds config.json, safetensors and a tokenizer")
    weights = weight_files(path)
    if not weights and not allow_pickle:
        raise BrokenModel(
            f"{name!r} has no .safetensors file; pickled weights need allow_pickle=True, or --allow-pickle"
        )
    if tokenizer and not has_tokenizer(path):
        raise BrokenModel(f"{name!r} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json)")
    config = read_json(path / "config.json", name)
    check_config(config, weights, name)
    if width is None:
        return
    need = memory_of(path, config, width)
    free = psutil.virtual_memory().available
    if need > free:
        raise TooLarge(f"{name!r} needs {need / 2**30:.1f} GiB for its weights; {free / 2**30:.1f} GiB are free")


def memory_of(path: Path, config: dict[str, Any], width: int) -> int:
    """Bytes that a folder's weights take in memory, at so many bytes for each."""
    stored = config.get("dtype") or config.get("torch_dtype") or "float32"
    return sum(file.stat().st_size for file in weight_files(path)) * width // (2 if "16" in str(stored) else 4)


def has_tokenizer(path: Path) -> bool:
    """Whether a folder holds a tokenizer."""
    return any((path / file).is_file() for file in _TOKENIZERS)


def check_config(config: dict[str, Any], weights: list[Path], name: str) -> None:
    """Refuse invalid sizes before anything is built of them.

    Raises:
        BrokenModel: names the field and its value, or what the model is instead of a causal one.
    """
    if config.get("is_encoder_decoder"):
        raise BrokenModel(
            f"{name!r} ({config.get('model_type')}) is an encoder with a decoder; the workbench reads causal language "
            "models"
        )
    for part in (config, config.get("text_config")):
        if not isinstance(part, dict):
            continue
        for field, value in part.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise BrokenModel(f"{name!r} has a config.json with {field}={'NaN' if math.isnan(value) else value}")
            open_ = value is None and (part is config or field in _DERIVED)
            if field in (*_SIZES, *_DERIVED) and not open_ and (not isinstance(value, int) or value < 1):
                raise BrokenModel(f"{name!r} has a config.json with {field}={value!r}; it is a whole number from 1")
    if weights:
        _check_layers(config, weights, name)


def _check_layers(config: dict[str, Any], weights: list[Path], name: str) -> None:
    """Refuse a part (text, images, sound) with more layers than stored tensors: each layer would be built."""
    stored = _tensors(weights)
    for part in (config, *(part for part in config.values() if isinstance(part, dict))):
        for field in (*_LAYERS, *_PARTS):
            layers = part.get(field)
            if isinstance(layers, int) and layers > stored:
                raise BrokenModel(f"{name!r} has a config.json with {layers} layers, and files with {stored} tensors")


def _tensors(weights: list[Path]) -> int:
    """How many tensors the headers of some safetensors name; an unreadable header counts as unlimited."""
    total = 0
    for file in weights:
        try:
            with safe_open(file, "pt") as content:
                total += len(content.keys())
        except (SafetensorError, OSError):
            return 2**62  # reading the weights reports it
    return total


def weight_files(path: Path) -> list[Path]:
    """The folder's safetensors, without those of adapters."""
    files = path.glob("*.safetensors")
    return sorted(file for file in files if not file.name.startswith("adapter_") and file.is_file())


def deciding_files(path: Path) -> list[Path]:
    """All files that decide what a model computes: weights and their index, config, tokenizer."""
    return sorted({file for pattern in _DECIDING for file in path.glob(pattern) if file.is_file()})


def folder_hash(path: Path, *, code: bool = False) -> str:
    """SHA-256 over the names and contents of all that decides what a model computes: weights, config, tokenizer, code.

    Args:
        path: the folder.
        code: its Python files may be run.
    """
    digest = hashlib.sha256()
    for file in [*deciding_files(path), *(sorted(path.rglob("*.py")) if code else ())]:
        digest.update(f"{file.name}:{file_hash(file)}\n".encode())
    return digest.hexdigest()


def read_json(path: Path, name: str) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        BrokenModel: it is not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BrokenModel(f"{name!r} has a {path.name} that cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise BrokenModel(f"{name!r} has a {path.name} that is not JSON: {first_line(error)}") from error
    if not isinstance(content, dict):
        raise BrokenModel(f"{name!r} has a {path.name} that is not a JSON object")
    return content
