"""JumpReLU with straight-through gradients: a feature is on where its pre-activation is above its threshold."""

from typing import Any, Literal

import torch
from torch import Tensor

Window = Literal["threshold", "both"]


class _JumpReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, threshold: Tensor, width: float, window: Window) -> Tensor:
        ctx.save_for_backward(values, threshold)
        ctx.width, ctx.window = width, window
        return torch.where(values > threshold, values, 0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (grad,) = grads
        values, threshold = ctx.saved_tensors
        near = torch.where((values - threshold).abs() < ctx.width / 2, grad, 0) * (threshold / ctx.width)
        slope = torch.where(values > threshold, grad, 0)
        if ctx.window == "both":
            slope = slope + near
        return slope, -near.flatten(0, -2).sum(0), None, None


def jump_relu(values: Tensor, threshold: Tensor, *, width: float = 1.0, window: Window = "threshold") -> Tensor:
    """A = h where h > theta, else 0, with gradients for theta too.

    da/dh is 1 where h > theta; da/dtheta is -(theta / eps) where |h - theta| < eps / 2. With `window="both"` da/dh is
    larger by (theta / eps) there, as if the step were that window wide for h as well.

    Args:
        values: h [..., feature].
        threshold: theta [feature], positive.
        width: eps.
        window: what has the window's gradient, theta alone or h too.

    Source:
        Rajamanoharan et al. 2024 (arXiv 2407.14435); scripts of Harrasse et al. 2025 (arXiv 2511.10840).
    """
    return _JumpReLU.apply(values, threshold, width, window)  # pyright: ignore[reportReturnType]
