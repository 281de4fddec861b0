"""A model folder in hub format: what it holds, whether that can be loaded, and the hash of all of it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import psutil
import torch

from workbench.errors import BrokenModel, TooLarge
from workbench.model.remembered import file_hash

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


def check_folder(path: Path, name: str, dtype: torch.dtype, allow_pickle: bool) -> None:
    """Refuse a folder that lacks a file, whose config is no JSON, or whose weights do not fit in memory.

    Raises:
        BrokenModel: names the file.
        TooLarge: says what is needed and what is free.
    """
    if not (path / "config.json").is_file():
        raise BrokenModel(f"{name!r} has no config.json; a model folder holds config.json, safetensors and a tokenizer")
    weights = weight_files(path)
    if not weights and not allow_pickle:
        raise BrokenModel(f"{name!r} has no .safetensors file; pickled weights need allow_pickle=True")
    if not any((path / file).is_file() for file in _TOKENIZERS):
        raise BrokenModel(f"{name!r} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json)")
    config = read_json(path / "config.json", name)
    stored = config.get("dtype") or config.get("torch_dtype") or "float32"
    width = 2 if "16" in str(stored) else 4
    need = sum(file.stat().st_size for file in weights) * dtype.itemsize // width
    free = psutil.virtual_memory().available
    if need > free:
        raise TooLarge(f"{name!r} needs {need / 2**30:.1f} GiB for its weights; {free / 2**30:.1f} GiB are free")


def weight_files(path: Path) -> list[Path]:
    """The folder's safetensors, without those of adapters."""
    return sorted(file for file in path.glob("*.safetensors") if not file.name.startswith("adapter_"))


def folder_hash(path: Path) -> str:
    """SHA-256 over the names and contents of all weights, adapters included."""
    digest = hashlib.sha256()
    for file in sorted([*path.glob("*.safetensors"), *path.glob("*.bin")]):
        digest.update(f"{file.name}:{file_hash(file)}\n".encode())
    return digest.hexdigest()


def read_json(path: Path, name: str) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        BrokenModel: it is no JSON, or no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        text = str(error).splitlines()[0][:200]
        raise BrokenModel(f"{name!r} has a {path.name} that is not JSON: {text}") from error
    if not isinstance(found, dict):
        raise BrokenModel(f"{name!r} has a {path.name} that is no JSON object")
    return found
