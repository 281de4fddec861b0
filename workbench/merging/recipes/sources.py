"""Sources of weights: of an expert, and of its difference from the base or what an adapter adds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from workbench.merging.checkpoint import Checkpoint
from workbench.merging.recipes.adapters import Factors, factors_of

Source = Callable[[str, int, int], Tensor]
"""Name of a tensor, start and stop of a piece, to its weights in memory order. Pieces are read in order."""


def difference(expert: Checkpoint, base: Checkpoint) -> Source:
    """Tau: expert minus base, or what an adapter adds, float32."""
    if not expert.is_adapter:
        return lambda name, *piece: expert.piece(name, *piece).float() - base.piece(name, *piece).float()
    modules = {factors.weight: factors for factors in factors_of(expert)}

    def product(name: str, start: int, stop: int) -> Tensor:
        return _rows(modules[name], start, stop) if name in modules else torch.zeros(stop - start)

    return product


def whole(expert: Checkpoint, base: Checkpoint | None) -> Source:
    """The expert's weights, float32; those of an adapter are its base's and what it adds."""
    if not expert.is_adapter or base is None:
        return lambda name, *piece: expert.piece(name, *piece).float()
    added = difference(expert, base)
    return lambda name, *piece: base.piece(name, *piece).float() + added(name, *piece)


def _rows(factors: Factors, start: int, stop: int) -> Tensor:
    """A piece of s B A, of which only the rows that it touches are computed."""
    a, b = factors.read()
    width = a.shape[1]
    first, last = start // width, -(-stop // width)
    rows = factors.scale * (b[first:last].float() @ a.float())
    return rows.flatten()[start - first * width : stop - first * width]
