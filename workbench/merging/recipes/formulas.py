"""What several sources of weights give together: mean, task arithmetic, and TIES after `sparsify` has trimmed them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from workbench.merging.checkpoint import Checkpoint
from workbench.merging.recipes.sources import Source


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
