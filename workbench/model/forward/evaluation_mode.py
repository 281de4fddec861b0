"""Evaluation mode during every call: dropout that was switched on after loading changes no number."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(parts: Sequence[torch.nn.Module]) -> Iterator[None]:
    """Temporarily put every part that is in training mode into evaluation mode.

    Args:
        parts: all modules of a model, such as `Model.parts`; listed once, because walking them takes as long as a layer
            of a small model.
    """
    training = [part for part in parts if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True
