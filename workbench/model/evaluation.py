"""Evaluation mode, held during every call: dropout that somebody switched on after loading changes no number."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Temporarily put every part of a module that is in training mode into evaluation mode."""
    training = [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
