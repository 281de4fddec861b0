"""Directions: the linear map from what a part writes to a logit difference, once every norm's scale is frozen."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import UnsupportedSite
from workbench.model.effective_weights import effective_weight, norm_scale
from workbench.model.model import Model

_PROPORTIONAL = 1e-3  # share of the largest logit


@dataclass(frozen=True)
class FrozenNorm:
    """A norm as a linear map: what it multiplies by, whether it subtracts the mean first, and what it adds.

    Attributes:
        scale: [d_model].
        centred: whether the mean is subtracted.
        bias: [d_model].
        module: the norm.
    """

    scale: Tensor
    centred: bool
    bias: Tensor
    module: Any

    @classmethod
    @torch.no_grad()
    def of(cls, module: Any, width: int, like: Tensor) -> "FrozenNorm":
        """Measure a norm.

        Raises:
            UnsupportedSite: the norm is no scale times the normed state.
        """
        part = getattr(module, "original_component", module)
        scale, centred = norm_scale(module, width, like[:0])
        probe = torch.linspace(-2, 3, width).to(like)[None, None]
        bias = (part(probe) + part(-probe)).float()[0, 0] / 2
        return cls(scale.to(like.device), centred, bias, part)

    def back(self, direction: Tensor, states: Tensor) -> Tensor:
        """The direction of the norm's input, [row, d_model] float32, for `direction` [row, d_model] of its output.

        The size that the norm divides by is that of the states, the module's own epsilon included.
        """
        moved = direction * self.scale
        moved = moved - moved.mean(-1, keepdim=True) if self.centred else moved
        return moved * self._shrink(states)[:, None]

    def _shrink(self, states: Tensor) -> Tensor:
        """By how much the norm shrinks each state, [row], from its output."""
        plain = states.float()
        plain = plain - plain.mean(-1, keepdim=True) if self.centred else plain
        given = self.module(states[None])[0].float() - self.bias
        shape = plain * self.scale
        return (given * shape).sum(-1) / shape.square().sum(-1).clamp(min=1e-30)


@dataclass(frozen=True)
class Head:
    """The unembedding of two tokens a row as a direction.

    Attributes:
        direction: [row, d_model] of normed states.
        constant: [row], what the head's own bias adds.
        factor: by which the model multiplies its logits; 1 for most.
        capped: whether a soft cap follows, through which no sum of parts goes: the logit before the cap is read.
    """

    direction: Tensor
    constant: Tensor
    factor: float
    capped: bool


@torch.no_grad()
def head(model: Model, normed: Tensor, logits: Tensor, tokens: Tensor) -> Head:
    """The direction of answer minus foil.

    Args:
        model: the model.
        normed: last states that passed the final norm, [row, d_model].
        logits: the model's own logits of them, [row, vocabulary].
        tokens: answer and foil, [row, 2].

    Raises:
        UnsupportedSite: the unembedding is no linear map.
    """
    module = model.module.get_output_embeddings()
    part = getattr(module, "original_component", module)
    weight = effective_weight(module, model.d_model).t()
    raw = part(normed).float()
    level = part(torch.zeros_like(normed[:1])).float()[0]
    answer, foil = tokens.unbind(1)
    direction = weight[answer].float() - weight[foil].float()
    constant = level[answer] - level[foil]
    factor = float((logits * raw).sum() / raw.square().sum().clamp(min=1e-30))
    error = float((logits - factor * raw).abs().max() / logits.abs().max().clamp(min=1e-30))
    exact = _PROPORTIONAL if logits.dtype == torch.float32 and model.dtype == torch.float32 else 5e-2
    capped = error > exact
    if capped:
        if not bool((logits.argmax(-1) == raw.argmax(-1)).all()):
            raise UnsupportedSite(f"the logits of {model.name!r} are no product of its unembedding with the last state")
        factor = 1.0
    return Head(factor * direction, factor * constant, factor, capped)
