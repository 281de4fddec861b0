"""Effective weights: what a projection or a norm multiplies by, whatever its class."""

from typing import Any

import torch
from torch import Tensor
from transformers.pytorch_utils import Conv1D

from workbench.errors import UnsupportedSite

_LARGE = 64.0  # makes a norm's epsilon negligible; a power of two, exact in every type
_NORM = {  # share of the largest output
    torch.float64: 1e-3,
    torch.float32: 1e-3,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}


def device_of(module: torch.nn.Module) -> torch.device:
    """The device on which a module computes; weights that accelerate offloads lie elsewhere between calls."""
    first = next(module.parameters())
    if not first.is_meta:
        return first.device
    devices = (getattr(getattr(part, "_hf_hook", None), "execution_device", None) for part in module.modules())
    device = next((known for known in devices if known is not None), "cpu")
    return torch.device(device)


def input_first(projection: torch.nn.Module, weight: Tensor) -> Tensor:
    """A view [input, output] of a weight that is stored as this projection stores its own."""
    return weight if isinstance(projection, Conv1D) else weight.t()


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
    if (type(part) is torch.nn.Linear or type(part) is Conv1D) and not part.weight.is_meta:
        return input_first(part, part.weight)
    like = next(part.parameters())
    dtype = like.dtype if like.dtype.is_floating_point else torch.get_default_dtype()
    unit = torch.eye(width, dtype=dtype, device=device_of(part))
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


@torch.no_grad()
def project(projection: torch.nn.Module, values: Tensor) -> Tensor:
    """Values [..., input] through a linear projection without its bias, [..., output] float32."""
    part = getattr(projection, "original_component", projection)
    if type(part) is torch.nn.Linear and not part.weight.is_meta:
        return values.float() @ part.weight.float().t()
    like = next(part.parameters())
    values = values.to(device_of(part), like.dtype if like.dtype.is_floating_point else values.dtype)
    return (part(values) - part(torch.zeros_like(values))).float()


@torch.no_grad()
def norm_scale(norm: torch.nn.Module, width: int, like: Tensor) -> tuple[Tensor, bool]:
    """What a norm multiplies each number by, measured on a few vectors, whatever its class stores.

    A norm gives s * (x - c) / size(x - c) + b, where c is the mean of x or 0 and size the root of the mean square.

    Args:
        norm: the module, wrapped or not.
        width: length of its input.
        like: a tensor of the type and on the device that it reads.

    Returns:
        s [width] float32, and whether it subtracts the mean.

    Raises:
        UnsupportedSite: it is not a norm of this form.
    """
    part = getattr(norm, "original_component", norm)

    def odd(values: Tensor) -> Tensor:  # without what does not depend on the input
        values = (_LARGE * values).to(like)[None, None]
        return (part(values) - part(-values)).float()[0, 0] / 2

    even = torch.ones(width)
    level = odd(even)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(width, generator=generator).to(like).cpu().float()
    right = odd(drawn)
    centred = float(level.abs().max()) < float(right.abs().max()) / 100
    if centred:  # alternating signs, whose mean is far from each even where the width is odd
        even = torch.where(torch.arange(width) % 2 == 0, 1.0, -1.0)
    scale = odd(even) / _normed(even, centred).to(level.device)
    expected = scale * _normed(drawn, centred).to(level.device)
    error = float((expected - right).abs().max() / right.abs().max().clamp(min=1e-30))
    if not error <= _NORM[like.dtype]:
        raise UnsupportedSite(
            f"the last norm ({type(part).__name__}) is not a scale times the normed state (off by {error:.2g} of the "
            "largest): what a direction does to the logits is unknown"
        )
    return scale, centred


def _normed(values: Tensor, centred: bool) -> Tensor:
    values = values - values.mean() if centred else values
    return values / values.square().mean().sqrt()


def unchanged_norms(bridge: Any) -> list[Any]:
    """Every norm that TransformerLens wraps without changing what it computes."""
    kinds = ("NormalizationBridge", "RMSNormalizationBridge")
    return [part for part in bridge.modules() if type(part).__name__ in kinds and part.original_component is not None]
