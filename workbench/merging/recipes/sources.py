"""Sources of weights: of an expert, of its difference from the base, and of what several give together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def mean(sources: Sequence[Source], weights: Sequence[float]) -> Source:
    """The weighted mean of sources, float32. The order of operations is that of mergekit's `linear`."""

    def averaged(name: str, start: int, stop: int) -> Tensor:
        total = torch.zeros(stop - start)
        for source, weight in zip(sources, weights, strict=True):
            total.addcmul_(source(name, start, stop).float(), torch.tensor([weight]))
        return total.div_(torch.tensor(weights).sum())

    return averaged


def added(base: Checkpoint, taus: Sequence[Source], weights: Sequence[float]) -> Source:
    """The base and the weighted sum of differences: task arithmetic."""

    def source(name: str, start: int, stop: int) -> Tensor:
        return base.piece(name, start, stop).float() + _weighted(taus, weights, name, start, stop).sum(0)

    return source


def agreed(base: Checkpoint, taus: Sequence[Source], weights: Sequence[float]) -> Source:
    """The base and the weighted mean of the differences that have the sign of their weighted sum: TIES' last steps."""
    column = torch.tensor(weights)[:, None]

    def source(name: str, start: int, stop: int) -> Tensor:
        deltas = _weighted(taus, weights, name, start, stop)
        agree = deltas.sign() == (deltas.sum(0) >= 0).float() * 2 - 1
        divisor = (column * agree).sum(0)
        divisor[divisor == 0] = 1  # where none is left, the sum is zero too
        return base.piece(name, start, stop).float() + (deltas * agree).sum(0) / divisor

    return source


def _weighted(taus: Sequence[Source], weights: Sequence[float], name: str, start: int, stop: int) -> Tensor:
    """Weighted differences [expert, weight]."""
    return torch.stack([tau(name, start, stop) for tau in taus]) * torch.tensor(weights)[:, None]


def _rows(factors: Factors, start: int, stop: int) -> Tensor:
    """A piece of s B A, of which only the rows that it touches are computed."""
    a, b = factors.read()
    width = a.shape[1]
    first, last = start // width, -(-stop // width)
    rows = factors.scale * (b[first:last].float() @ a.float())
    return rows.flatten()[start - first * width : stop - first * width]
