"""Effective weights: the matrix that a projection really multiplies by, whatever kind of module it is."""

import torch
from torch import Tensor
from transformers.pytorch_utils import Conv1D


@torch.no_grad()
def effective_weight(projection: torch.nn.Module, width: int) -> Tensor:
    """The matrix W [input, output] of a linear projection x W + b.

    Read where it is stored; a projection that computes more than one product (an adapter that is not merged, weights
    that are quantised or parametrised) is run on the unit vectors instead.

    Args:
        projection: the module, wrapped or not.
        width: length of its input.
    """
    part = getattr(projection, "original_component", projection)
    if type(part) is torch.nn.Linear:
        return part.weight.t()
    if type(part) is Conv1D:  # holds [input, output]
        return part.weight
    like = next(part.parameters())
    dtype = like.dtype if like.dtype.is_floating_point else torch.get_default_dtype()
    unit = torch.eye(width, dtype=dtype, device=like.device)
    return part(unit) - part(torch.zeros_like(unit[:1]))


@torch.no_grad()
def linear_error(projection: torch.nn.Module, width: int) -> float:
    """How far a projection is from x W + b on random inputs, as a share of the largest output."""
    part = getattr(projection, "original_component", projection)
    weight = effective_weight(projection, width)
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(4, width, generator=generator).to(weight)
    outputs = part(inputs) - part(torch.zeros_like(inputs[:1]))
    return float((outputs - inputs @ weight).abs().max() / outputs.abs().max().clamp(min=1e-30))
