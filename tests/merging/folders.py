"""Model folders for merging: small ones whose weights a test sets, and tuned copies of the shipped model."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests import models
from workbench import shipped

WEIGHTS = "model.safetensors"


def weights(folder):
    """All tensors of a folder, its shards joined."""
    return {
        name: tensor for file in sorted(Path(folder).glob("*.safetensors")) for name, tensor in load_file(file).items()
    }


def copy(source, folder, tensors, **config):
    """A folder like another one, with other tensors and settings."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors*"), dirs_exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS, {"format": "pt"})
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, **config}))
    return folder


def tuned(source, folder, seed, size=0.01, dtype=None):
    """A copy whose weights have moved at random, as if it had been tuned."""
    generator = torch.Generator().manual_seed(seed)
    moved = {
        name: (tensor.float() + size * torch.randn(tensor.shape, generator=generator)).to(dtype or tensor.dtype)
        for name, tensor in weights(source).items()
    }
    return copy(source, folder, moved)


def filled(source, folder, value):
    """A copy all of whose weights are one number."""
    return copy(source, folder, {name: torch.full_like(tensor, value) for name, tensor in weights(source).items()})


def sharded(source, folder, parts=3):
    """A copy in several files with an index, as the hub has large models."""
    tensors = weights(source)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    places = {name: f"model-{number % parts + 1:05}-of-{parts:05}.safetensors" for number, name in enumerate(tensors)}
    for file in set(places.values()):
        save_file({name: tensors[name] for name in tensors if places[name] == file}, folder / file, {"format": "pt"})
    index = {"metadata": {"total_size": 0}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def tiny(folder, kind="llama", seed=0):
    """A random model of three layers with a byte tokenizer."""
    return models.save(kind, folder, seed=seed)


BASE, ALIGNED = shipped.folder("polyglot-base"), shipped.folder("polyglot-aligned")
