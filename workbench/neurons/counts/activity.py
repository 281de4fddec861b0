"""Activity: what the neurons of every text do, batch by batch, for the methods that need more than counts."""

from collections.abc import Callable

import torch
from torch import Tensor

from workbench.model.forward.fused_attention import fused
from workbench.model.hooks import StopForward, after, hooked
from workbench.model.model import Model
from workbench.text.batches import Batch

PerText = Callable[[Tensor, Tensor], Tensor]
"""(activations [sample, position, neuron], positions that count [sample, position]) to [sample, neuron]."""


@torch.no_grad()
def per_text(model: Model, batch: Batch, reduce: PerText) -> Tensor:
    """Reduce the activations of one batch over the positions that count: [sample, layer, neuron] float32.

    The activation is what the down projection reads, act(gate) * up on a gated MLP. Layers are reduced one by one, and
    the pass ends after the last MLP's activation.
    """
    batch = batch.to(model.device)
    mask = batch.counted.float()
    rows: list[Tensor] = []

    def keep(output: Tensor) -> None:
        values = output.reshape(*batch.ids.shape, -1)  # OPT merges samples and positions
        rows.append(reduce(values.float(), mask))
        if len(rows) == model.n_layers:
            raise StopForward

    with hooked([after(model.hook_point("neuron", layer), keep) for layer in range(model.n_layers)]), fused(model):
        model.states(batch)
    assert len(rows) == model.n_layers, f"activations were seen in {len(rows)} of {model.n_layers} layers"
    return torch.stack(rows, 1)


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens of each text that count, [sample, neuron]."""
    return torch.einsum("spn,sp->sn", values, mask) / mask.sum(1, keepdim=True)


def root_mean_square(values: Tensor, mask: Tensor) -> Tensor:
    """Root of the mean square over the tokens of each text that count, [sample, neuron]."""
    return (torch.einsum("spn,sp->sn", values.square(), mask) / mask.sum(1, keepdim=True)).sqrt()


def down_norms(model: Model) -> Tensor:
    """Length of each neuron's row of the effective down projection, [layer, neuron] float32."""
    layers = [model.down_weight(layer).detach().float().norm(dim=1) for layer in range(model.n_layers)]
    return torch.stack([norms.to(model.device) for norms in layers])
