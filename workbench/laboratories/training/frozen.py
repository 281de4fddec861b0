"""Frozen tensors stay as they are, byte for byte."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from workbench.errors import BadArgument, BrokenModel
from workbench.laboratories.recipe import Module


@contextmanager
def unchanged(module: Module) -> Iterator[None]:
    """Check that only parameters that require a gradient change inside.

    Raises:
        BadArgument: none requires one.
        BrokenModel: another tensor changed; names it.
    """
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise BadArgument("the recipe's trainable part selects no parameter of this model")
    before = frozen_hashes(module)
    yield
    after = frozen_hashes(module)
    changed = next((name for name, value in before.items() if after.get(name) != value), None)
    if changed is not None:
        raise BrokenModel(f"{changed} is not trained, and changed while others were; the numbers would be of neither")


def frozen_hashes(module: Module) -> dict[str, str]:
    """SHA-256 of every tensor that does not require a gradient, parameters and buffers, by name."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: _hash(tensor) for name, tensor in named if not tensor.requires_grad}


def _hash(tensor: torch.Tensor) -> str:
    plain = tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(plain.numpy().tobytes()).hexdigest()
