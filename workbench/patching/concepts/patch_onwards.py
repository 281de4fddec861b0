"""Patch a position at every layer from a given one on, for every first layer at once."""

import torch
from einops import rearrange
from torch import Tensor

from workbench.model.forward.fused_attention import fused
from workbench.model.forward.layers import call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack

_STACKED, _APART = "(layer copy sample) position d_model", "layer copy sample position d_model"


@torch.no_grad()
def patch_from_layer_on(target: Recording, columns: list[int], given: Tensor) -> Tensor:
    """Put given states at one position of each prompt, at every layer from j on, for each j.

    The cell of layer j joins the stack at layer j, so that each layer is called once for all cells that have begun.

    Args:
        target: a pass recorded with `keys=True`.
        columns: the position in each prompt, as a column of the batch, [sample].
        given: the states before each layer and, last, after all, [copy, n_layers + 1, sample, d_model].

    Returns:
        The final residual stream of the last position, [n_layers + 1, copy, sample, 1, d_model].
    """
    layers, copies, samples = target.model.n_layers, given.shape[0], target.n_samples
    start = min(columns)
    rows = torch.arange(samples, device=given.device)
    at = torch.tensor(columns, device=given.device) - start
    states = target.residual[0].new_empty(0, target.n_positions - start, target.model.d_model)
    for layer in range(layers + 1):
        begun = stack(target.residual[layer][:, start:], copies)
        cells = rearrange(torch.cat([states, begun]), f"{_STACKED} -> {_APART}", copy=copies, sample=samples).clone()
        cells[:, :, rows, at] = given[:, layer].to(cells)
        states = rearrange(cells, f"{_APART} -> {_STACKED}")
        if layer < layers:
            columns_run = Columns(target, [start], copies=(layer + 1) * copies)
            with fused(target.model, on=target.fused):
                states = call_layer(target, layer, states, columns_run)
    return rearrange(states[:, -1:], f"{_STACKED} -> {_APART}", copy=copies, sample=samples)
