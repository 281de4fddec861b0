"""Next-token loss by blocks of the vocabulary: exact, without all logits in memory.

A running log-sum-exp over blocks of unembedding rows, as flash attention keeps over blocks of keys (Dao et al. 2022,
arXiv 2205.14135): the loss is log-sum-exp(h W^T) - h W[t], and its gradient with respect to h is
softmax(h W^T) W - W[t], attention with W as keys and values. Memory is rows x block, whatever the vocabulary; blocks
that stay in a CPU's cache are faster than one matrix product followed by a softmax.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_ROWS, _BLOCK = 1024, 512  # measured on CPUs with 1 MiB of second-level cache
_BLOCK_GPU = 16384


def next_token_loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of each target in nats: [row], float32; differentiable with respect to `hidden`, once.

    Args:
        hidden: states that passed the final norm, [row, d_model].
        weight: the unembedding, [vocabulary, d_model].
        targets: token ids, [row].
    """
    if torch.is_grad_enabled() and hidden.requires_grad:
        return _Differentiable.apply(hidden, weight, targets)
    with torch.no_grad():
        losses = [_loss_and_slope(part, weight, wanted, slope=False)[0] for part, wanted in _parts(hidden, targets)]
    return torch.cat(losses or [hidden.new_empty(0)])


class _Differentiable(torch.autograd.Function):
    """The loss, with the gradient computed along with it."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        loss, slope = next_token_slope(hidden, weight, targets)
        ctx.save_for_backward(slope.to(hidden.dtype))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return ctx.saved_tensors[0] * slopes[0][:, None], None, None


@torch.no_grad()
def next_token_slope(hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each row, [row], and its gradient with respect to that row's state, [row, d_model]."""
    pairs = [_loss_and_slope(part, weight, wanted, slope=True) for part, wanted in _parts(hidden, targets)]
    return torch.cat([loss for loss, _ in pairs]), torch.cat([slope for _, slope in pairs])


def _parts(hidden: Tensor, targets: Tensor):
    return zip(hidden.split(_ROWS), targets.split(_ROWS), strict=True)


def _loss_and_slope(hidden: Tensor, weight: Tensor, targets: Tensor, *, slope: bool) -> tuple[Tensor, Tensor]:
    rows, begin, exact = hidden.shape[0], 0, hidden.dtype == torch.float32
    highest = torch.full((rows,), -torch.inf, device=hidden.device)
    total = torch.zeros(rows, device=hidden.device)
    pulled = torch.zeros(rows, hidden.shape[1] if slope else 0, device=hidden.device)
    own = weight[targets]
    logit = (hidden * own).sum(1, dtype=torch.float32)
    for block in weight.split(_BLOCK_GPU if hidden.is_cuda else _BLOCK):
        logits = (hidden @ block.t()).float()
        if not exact:  # rounded like the other logits, else the loss of a confident token would be negative
            place = targets - begin
            inside = (place >= 0) & (place < len(block))
            logit = torch.where(inside, logits.gather(1, place.clamp(0, len(block) - 1)[:, None])[:, 0], logit)
            begin += len(block)
        higher = torch.maximum(highest, logits.amax(1))
        shrink = (highest - higher).exp_()  # what was summed so far was relative to the old highest
        exponentials = logits.sub_(higher[:, None]).exp_()
        total.mul_(shrink).add_(exponentials.sum(1))
        if slope:
            pulled.mul_(shrink[:, None]).add_(exponentials.to(block.dtype) @ block)
        highest = higher
    loss = total.log() + highest - logit
    return loss, (pulled / total[:, None] - own) if slope else pulled
