"""LoRA adapters: the factors of each module, their scale, and the factors of a sum, which are stacked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from workbench.merging.checkpoint import Checkpoint
from workbench.merging.pair import weight_name

A, B = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "base_model.model."


@dataclass(frozen=True, eq=False)
class Factors:
    """The factors by which an adapter changes a weight: s B A, with A [rank, input] and B [output, rank].

    Attributes:
        adapter: where they are stored.
        module: the name of the two without their endings.
        scale: s, that is alpha / rank, or alpha / sqrt(rank) for rank-stabilised ones.
    """

    adapter: Checkpoint
    module: str
    scale: float

    @property
    def weight(self) -> str:
        """The name in the model of the weight that they change."""
        return weight_name(self.module + A)

    @property
    def rank(self) -> int:
        """The rank."""
        return self.adapter.stored[self.module + A].shape[0]

    def read(self) -> tuple[Tensor, Tensor]:
        """A and B as they are stored."""
        return self.adapter.tensor(self.module + A), self.adapter.tensor(self.module + B)


def factors_of(adapter: Checkpoint) -> list[Factors]:
    """All factors of an adapter, by module."""
    modules = [name.removesuffix(A) for name in adapter.names if name.endswith(A)]
    return [Factors(adapter, module, _scale(adapter, module)) for module in modules]


def stacked(parts: Sequence[Factors], weights: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The factors of the weighted sum of s B A, of scale 1: ranks side by side, so that nothing is rounded away.

    The mean of factors would be that of no sum: (B + B') (A + A') has products across adapters.
    """
    read = [factors.read() for factors in parts]
    scaled = [weight * factors.scale * b.float() for factors, weight, (_, b) in zip(parts, weights, read, strict=True)]
    return torch.cat([a.float() for a, _ in read]), torch.cat(scaled, dim=1)


def adapter_config(like: Checkpoint, scales: dict[str, tuple[int, float]]) -> dict[str, Any]:
    """The config of an adapter whose modules have a rank and a scale each.

    Args:
        like: the adapter whose other settings are taken.
        scales: module, as in the names of its factors, to rank and scale.
    """
    ranks = {module.removeprefix(_PREFIX): rank for module, (rank, _) in scales.items()}
    alphas = {module.removeprefix(_PREFIX): rank * scale for module, (rank, scale) in scales.items()}
    most = max(ranks.values())
    alpha = max(alphas.values())
    return {
        **like.config,
        "r": most,
        "lora_alpha": alpha,
        "use_rslora": False,
        "rank_pattern": {module: rank for module, rank in ranks.items() if rank != most},
        "alpha_pattern": {module: value for module, value in alphas.items() if value != alpha},
        "target_modules": sorted(ranks),  # in full: the last part alone names a module of every layer
        **dict.fromkeys(("layers_to_transform", "layers_pattern", "exclude_modules")),
    }


def _scale(adapter: Checkpoint, module: str) -> float:
    """Alpha over the rank, or its root, of a module; patterns of PEFT name modules by their ends, or in full."""
    config = adapter.config
    rank = adapter.stored[module + A].shape[0]
    name, patterns = module.removeprefix(_PREFIX), config.get("alpha_pattern") or {}
    fitting = (value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", name))
    alpha = next(fitting, config.get("lora_alpha", rank))
    return float(alpha) / (sqrt(rank) if config.get("use_rslora") else rank)
