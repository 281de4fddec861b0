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
    """A norm as a linear map: it takes the mean off if `centred`, and has a scale and a bias [d_model]."""

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
        plain = states.float()
        if self.centred:
            moved, plain = (vectors - vectors.mean(-1, keepdim=True) for vectors in (moved, plain))
        given = self.module(states[None])[0].float() - self.bias
        shape = plain * self.scale
        shrunk = (given * shape).sum(-1) / shape.square().sum(-1).clamp(min=1e-30)  # what the norm makes of each state
        return moved * shrunk[:, None]


@torch.no_grad()
def unembedding(model: Model, normed: Tensor, logits: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, bool]:
    """The logit of the answer minus that of the foil, tokens [row, 2], as a linear map of normed states [row, d_model].

    Its factor is read off the model's own logits of these states, [row, vocabulary].

    Returns:
        Its direction [row, d_model]; what the unembedding's own bias adds, [row]; and whether a soft cap follows,
        through which no sum of parts goes: the logit before the cap is then meant.

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
    # by which the model multiplies its logits; 1 for most
    factor = float((logits * raw).sum() / raw.square().sum().clamp(min=1e-30))
    error = float((logits - factor * raw).abs().max() / logits.abs().max().clamp(min=1e-30))
    exact = _PROPORTIONAL if logits.dtype == torch.float32 and model.dtype == torch.float32 else 5e-2
    capped = error > exact
    if capped:
        if not bool((logits.argmax(-1) == raw.argmax(-1)).all()):
            raise UnsupportedSite(f"the logits of {model.name!r} are no product of its unembedding with the last state")
        factor = 1.0
    return factor * direction, factor * constant, capped
