"""Activity: what the neurons of every text do, batch by batch, for the methods that need more than counts."""

from collections.abc import Callable

import torch
from torch import Tensor

from workbench.model.attention import fused
from workbench.model.capture import tensors
from workbench.model.model import Model
from workbench.text.batches import Batch

PerText = Callable[[Tensor, Tensor], Tensor]
"""(activations [sample, position, neuron], mask [sample, position]) to [sample, neuron]."""


@torch.no_grad()
def per_text(model: Model, batch: Batch, reduce: PerText) -> Tensor:
    """Reduce the activations of one batch over its real positions: [sample, layer, neuron] float32.

    The activation is what the down projection reads, act(gate) * up on a gated MLP.
    """
    batch = batch.to(model.device)
    with fused(model):
        found = tensors(model, batch, [("neuron", layer) for layer in range(model.n_layers)])
    shape = (*batch.ids.shape, -1)  # OPT merges samples and positions
    rows = [
        reduce(found["neuron", layer].reshape(shape).float(), batch.mask.float()) for layer in range(model.n_layers)
    ]
    return torch.stack(rows, 1)


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real tokens of each text, [sample, neuron]."""
    return torch.einsum("spn,sp->sn", values, mask) / mask.sum(1, keepdim=True)


def root_mean_square(values: Tensor, mask: Tensor) -> Tensor:
    """Root of the mean square over the real tokens of each text, [sample, neuron]."""
    return (torch.einsum("spn,sp->sn", values.square(), mask) / mask.sum(1, keepdim=True)).sqrt()


def down_norms(model: Model) -> Tensor:
    """Length of each neuron's row of the down projection, [layer, neuron] float32."""
    found = []
    for layer in range(model.n_layers):
        module = model.bridge.blocks[layer].mlp.out
        module = getattr(module, "original_component", module)
        weight = module.weight.detach().float()
        linear = isinstance(module, torch.nn.Linear)  # Linear holds [out, in], GPT-2's Conv1D [in, out]
        found.append(weight.norm(dim=0 if linear else 1))
    return torch.stack(found)
