"""Muon for the matrices inside the layers, AdamW for everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def orthogonalize(update: Tensor, *, steps: int = 5) -> Tensor:
    """Singular values of each matrix [n, rows, columns] brought near 1 by Newton-Schulz iteration (Jordan 2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.mT if update.shape[-2] > update.shape[-1] else update
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if update.shape[-2] > update.shape[-1] else x


class Muon(torch.optim.Optimizer):
    """Momentum, then `orthogonalize`, batched over matrices of equal shape."""

    def __init__(self, params: Sequence[Tensor], *, lr: float, momentum: float = 0.95, decay: float = 0.0) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Updates every parameter that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                average = self.state[parameter].setdefault("average", torch.zeros_like(parameter))
                average.lerp_(parameter.grad, 1 - group["momentum"])
                update = torch.lerp(parameter.grad, average, group["momentum"])
                shapes[parameter.shape].append((parameter, update))
            for shape, pairs in shapes.items():
                updates = orthogonalize(torch.stack([update for _, update in pairs]))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for (parameter, _), update in zip(pairs, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-group["lr"] * scale)


def make_optimizers(model: nn.Module, *, matrix_lr: float, other_lr: float) -> list[torch.optim.Optimizer]:
    """Muon for two-dimensional weights of the layers; AdamW, without decay, for embeddings and norms."""
    inner = [parameter for name, parameter in model.named_parameters() if ".layers." in name and parameter.ndim == 2]
    chosen = {id(parameter) for parameter in inner}
    others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    adam = torch.optim.AdamW(others, lr=other_lr, betas=(0.9, 0.98), eps=1e-10, weight_decay=0.0)
    return [Muon(inner, lr=matrix_lr, decay=0.05), adam]


def schedule(progress: float, *, warmup: float = 0.02, cooldown: float = 0.65) -> float:
    """Factor on the learning rates at `progress` in 0..1: linear warm-up, constant, linear decay to zero.

    Example:
        >>> schedule(0.2), schedule(0.675), schedule(1.0)
        (1.0, 0.5, 0.0)
    """
    return max(0.0, min(1.0, (progress + 1e-3) / warmup, (1 - progress) / cooldown))
