"""A norm whose denominator is a constant, measured on one pass: affine in what it reads."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import UnsupportedSite
from workbench.model.effective_weights import norm_scale

_FIT = 1e-3  # of the largest output; half precision is given a tenth


@dataclass(frozen=True)
class FrozenNorm:
    """What a norm wrote in one pass, and how that moves with what it reads.

    Attributes:
        read: its input, [1, position, d].
        written: its output, the same shape.
        factor: one over its denominator, [1, position, 1].
        gain: what it multiplies each number by after that, [d].
        centred: whether it subtracts the mean first.
    """

    read: Tensor
    written: Tensor
    factor: Tensor
    gain: Tensor
    centred: bool

    def __call__(self, states: Tensor) -> Tensor:
        """What it writes of states [..., position, d]; of `read` exactly `written`."""
        return self.written + self.moved(states) * self.gain

    def moved(self, states: Tensor) -> Tensor:
        """How far states [..., position, d] are from `read` before the gain."""
        away = states - self.read
        return (away - away.mean(-1, keepdim=True) if self.centred else away) * self.factor


@torch.no_grad()
def freeze(norm: Any, read: Tensor, written: Tensor) -> FrozenNorm:
    """Measure a norm on what it read and wrote, each [1, position, d], whatever its class stores.

    Raises:
        UnsupportedSite: it is not a gain times the input over one denominator a position, plus a bias.
    """
    part = getattr(norm, "original_component", norm)
    gain, centred = norm_scale(norm, read.shape[-1], read)
    gain = gain.to(read)
    centre = read - read.mean(-1, keepdim=True) if centred else read
    rise = written - part(torch.zeros_like(read[:1, :1]))  # without its bias
    direction = gain * centre
    size = direction.square().sum(-1, keepdim=True).clamp(min=torch.finfo(read.dtype).tiny)
    factor = (direction * rise).sum(-1, keepdim=True) / size
    error = float((rise - factor * direction).abs().max() / rise.abs().max().clamp(min=1e-30))
    if not error <= (_FIT if read.dtype in (torch.float32, torch.float64) else 0.1):
        raise UnsupportedSite(f"a norm ({type(part).__name__}) has no one denominator a position (off by {error:.2g})")
    return FrozenNorm(read, written, factor, gain, centred)
