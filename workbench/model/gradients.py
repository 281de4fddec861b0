"""Gradient: how the loss of each sample changes with each head's mask, in one backward pass to activations only."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.errors import NotFinite
from workbench.model.forward.alone import alone
from workbench.model.forward.blockwise_loss import next_token_slope
from workbench.model.forward.fused_attention import fused
from workbench.model.hooks import before, hooked
from workbench.model.metrics import next_tokens, plain_unembedding, unembed
from workbench.model.model import Model
from workbench.text.batches import Batch

_CHUNK = 256  # rows of logits in memory at once


@alone
def head_gradient(model: Model, batch: Batch, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The slope of each sample's NLL with respect to every head's mask, d NLL / d m.

    A mask m [layer, head] multiplies each head's output before W_O. Since a sample's loss depends on its own heads
    only, one backward pass to the heads' outputs gives every sample its own gradient: the sum over positions and
    dimensions of z dNLL/d(m z). The unembedding is fused with its own backward, chunk by chunk; no gradient of a
    parameter is computed.

    Args:
        model: the model, with the ability `head`.
        batch: token ids and mask.
        mask: m [layer, head], or one per sample [sample, layer, head]; ones where omitted.

    Returns:
        gradient [sample, layer, head] in nats, and the loss of each sample [sample] in nats.

    Raises:
        NotFinite: a sample's loss or gradient is NaN or infinite.
    """
    batch = batch.to(model.device)
    samples, positions = batch.ids.shape
    shape = (samples, positions, model.n_heads, model.d_head)
    leaves: list[Tensor] = []
    outputs: list[Tensor] = []

    def hook(layer: int):
        def keep(z: Tensor) -> Tensor:
            flat = z.shape
            outputs.append(z.detach().reshape(shape))
            if mask is not None:
                z = (z.reshape(shape) * mask[..., layer, :].to(z)[..., None, :, None]).reshape(flat)
            if not z.requires_grad:
                z = z.detach().requires_grad_(True)
            leaves.append(z)
            return z

        return keep

    hooks = [before(model.attention_parts(i)[1], hook(i)) for i in range(model.n_layers)]
    with hooked(hooks), torch.enable_grad(), frozen(model), fused(model):
        hidden = model.states(batch)
        losses, slope = _loss_and_slope(model, hidden.detach(), batch)
        slopes = torch.autograd.grad(hidden, leaves, grad_outputs=slope)
    assert len(leaves) == model.n_layers, "every layer's heads must run exactly once"
    gradient = torch.stack(
        [(z * slope.reshape(shape)).sum((1, 3), dtype=torch.float32) for z, slope in zip(outputs, slopes, strict=True)],
        1,
    )
    for values in (losses, gradient):
        if not bool(torch.isfinite(values).all()):
            sample = int((~torch.isfinite(values)).reshape(len(values), -1).any(1).nonzero()[0])
            language, row = batch.languages[sample], batch.rows[sample]
            raise NotFinite(f"the loss or its gradient is NaN or infinite, first for sample {row} of {language!r}")
    return gradient, losses


@torch.no_grad()
def _loss_and_slope(model: Model, hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Each sample's NLL [sample] and its gradient with respect to the normed final state, chunk by chunk."""
    targets, real = next_tokens(batch)
    sample, position = real.nonzero().unbind(1)
    weight = plain_unembedding(model)
    states, wanted = hidden[sample, position], targets[sample, position]
    if weight is not None:
        losses, slopes = next_token_slope(states, weight, wanted)
    else:
        losses, slopes = _slope_through_head(model, states, wanted)
    share = 1 / real.sum(1).float()  # a sample's loss is the mean over its tokens
    slope = torch.zeros_like(hidden)
    slope[sample, position] = (slopes * share[sample, None]).to(hidden.dtype)
    return torch.zeros_like(share).index_add_(0, sample, losses * share[sample]), slope


def _slope_through_head(model: Model, states: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and slope of each row where the head is more than a matrix: [row], [row, d_model]."""
    losses, slopes = [], []
    for part, wanted in zip(states.split(_CHUNK), targets.split(_CHUNK), strict=True):
        with torch.enable_grad():
            part = part.detach().requires_grad_(True)
            loss = cross_entropy(unembed(model, part).float(), wanted, reduction="none")
            slopes.append(torch.autograd.grad(loss.sum(), part)[0])
        losses.append(loss.detach())
    return torch.cat(losses), torch.cat(slopes)


class frozen:  # noqa: N801 - reads as a word in a with statement
    """Temporarily, no parameter requires a gradient: only activation gradients are computed."""

    def __init__(self, model: Model):
        self._parameters = [p for p in model.module.parameters() if p.requires_grad]

    def __enter__(self) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(False)

    def __exit__(self, *error: object) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(True)
