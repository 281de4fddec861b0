"""Rerun: what the model computes after a change, without computing again what the change cannot reach.

Each function changes one thing per cell, for several cells stacked along the batch, and returns the final residual
stream [cell, sample, position, d_model] for a metric to read; with `last`, of the last position only.
"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from workbench.errors import BadArgument
from workbench.model.edits import edited, touched
from workbench.model.forward import full_rerun
from workbench.model.forward.alone import alone
from workbench.model.forward.fused_attention import fused
from workbench.model.forward.layers import call_after_attention, call_last_positions, call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack

_STACKED = "cell sample position d_model -> (cell sample) position d_model"


@alone
@torch.no_grad()
def run_from_layer(
    recording: Recording, layer: int, states: Tensor, *, copies: int = 1, start: int = 0, last: bool = False
) -> Tensor:
    """Run the layers from `layer` on.

    Args:
        recording: the ordinary pass; `start` above 0 needs its keys and values.
        layer: the first layer to run; n_layers runs none.
        states: its input, [copies * sample, position from start, d_model].
        copies: how many copies of the batch are stacked.
        start: first position that is run.
        last: compute the last layer for the last position only.

    Returns:
        The final residual stream, [copies, sample, position, d_model].
    """
    states = _run(recording, layer, states, Columns(recording, [start], copies=copies), last=last)
    return rearrange(states, "(copy sample) position d_model -> copy sample position d_model", copy=copies)


def _run(recording: Recording, layer: int, states: Tensor, columns: Columns, *, last: bool) -> Tensor:
    """Run the layers from `layer` on; states [copies * sample, column, d_model], with `last` one column a cell."""
    if not recording.model.abilities["restart"]:
        return full_rerun.run(recording, layer, states, columns, last=last)
    final = recording.model.n_layers - 1
    with fused(recording.model, on=recording.fused):
        for i in range(layer, final + 1):
            if last and i == final and states.shape[1] > len(columns.starts):
                return call_last_positions(recording, i, states, columns)
            states = call_layer(recording, i, states, columns)
    return states[:, columns.ends] if last and states.shape[1] > len(columns.starts) else states


@alone
@torch.no_grad()
def replace_heads(
    recording: Recording,
    layer: int,
    heads: Sequence[int],
    values: Tensor,
    *,
    start: int = 0,
    last: bool = False,
) -> Tensor:
    """Replace the output of one head per cell, everywhere from `start` on, and run the rest.

    The attention output changes by (value - z) W_O of that head, so the run starts after the attention.

    Args:
        recording: a pass recorded with `heads=True` (and `keys=True` where `start` is above 0).
        layer: the layer of all cells.
        heads: one head per cell.
        values: what the heads' outputs become, broadcastable to [cell, sample, position from start, d_head].
        start: the first position at which the values differ.
        last: the metric reads the last position only.

    Returns:
        The final residual stream, [cell, sample, position, d_model].
    """
    model, cells = recording.model, len(heads)
    lowest = recording.n_positions - 1 if last and layer == model.n_layers - 1 else start
    index = torch.as_tensor(list(heads), device=model.device)
    clean = rearrange(
        recording.z[layer][:, lowest:, index], "sample position cell d_head -> cell sample position d_head"
    )
    values = values.expand(cells, recording.n_samples, recording.n_positions - start, model.d_head)
    if not model.abilities["restart"]:
        states = full_rerun.replace_heads(recording, layer, heads, values, start)
        return states[:, :, -1:] if last else states[:, :, lowest:]
    change = values[:, :, lowest - start :] - clean
    weight = model.output_weight(layer)[index]  # [cell, d_head, d_model]
    moved = torch.einsum("cspd,cdm->cspm", change, weight)
    attention = rearrange(recording.attention[layer][:, lowest:] + moved, _STACKED)
    states = stack(recording.residual[layer][:, lowest:], cells)
    with fused(model, on=recording.fused):
        states = call_after_attention(recording, layer, states, attention)
        return run_from_layer(recording, layer + 1, states, copies=cells, start=lowest, last=last)


@alone
@torch.no_grad()
def replace_positions(
    recording: Recording,
    layer: int,
    positions: Sequence[int],
    values: Tensor,
    *,
    last: bool = False,
    columns: Columns | None = None,
) -> Tensor:
    """Replace the residual stream before a layer at one position per cell, and run each cell's later positions.

    Args:
        recording: a pass recorded with `keys=True`.
        layer: where the state is replaced; n_layers means after the last layer.
        positions: one column of the batch per cell.
        values: the new states, [cell, sample, d_model].
        last: the metric reads the last position only.
        columns: of the same positions, from an earlier call for another layer; they cache fitted arguments.

    Returns:
        The final residual stream, [cell, sample, position, d_model]: with `last` of the last position, else of the
        positions from the first replaced one of all cells on.
    """
    columns = columns or Columns(recording, positions)
    states = recording.residual[layer][:, columns.positions]  # a copy
    begins = torch.nn.functional.pad(columns.ends[:-1] + 1, (1, 0))
    states[:, begins] = rearrange(values, "cell sample d_model -> sample cell d_model")
    states = _run(recording, layer, states, columns, last=last)
    if last:
        return rearrange(states, "sample cell d_model -> cell sample 1 d_model")
    begin = min(positions)
    whole = recording.residual[-1][None, :, begin:].repeat(len(positions), 1, 1, 1)  # clean before a cell's start
    whole.transpose(1, 2)[columns.cells, columns.positions - begin] = states.transpose(0, 1)
    return whole


@alone
@torch.no_grad()
def rescale(
    recording: Recording,
    *,
    heads: Tensor | None = None,
    head_fill: Tensor | None = None,
    neurons: Tensor | None = None,
    neuron_fill: Tensor | None = None,
    last: bool = False,
) -> Tensor:
    """Scale any number of head outputs and neurons per cell, at every position, and run what follows.

    The run starts at the lowest layer that a cell changes, after its attention where heads were recorded.

    Args:
        recording: a pass recorded with `heads=True`.
        heads: scales [cell, layer, head]; see `edits.edited` for what a scale and a fill mean.
        head_fill: [layer, head, d_head]; zero when None.
        neurons: scales [cell, layer, neuron].
        neuron_fill: [layer, neuron]; zero when None.
        last: the metric reads the last position only.

    Returns:
        The final residual stream, [cell, sample, position, d_model].

    Raises:
        BadArgument: neither heads nor neurons, or not the same number of cells.
    """
    scaled = [scales for scales in (heads, neurons) if scales is not None]
    if not scaled or len({len(scales) for scales in scaled}) != 1:
        raise BadArgument("give heads or neurons as [cell, layer, unit], or both with the same number of cells")
    model, cells = recording.model, len(scaled[0])
    layer = min((i for scales in scaled for i in touched(scales)), default=model.n_layers)
    states = stack(recording.residual[layer], cells)
    if layer == model.n_layers:
        return run_from_layer(recording, layer, states, copies=cells, last=last)
    attention = None
    if heads is not None and model.abilities["restart"]:  # the lowest layer's heads are known; others are edited below
        heads = heads.to(states)
        fill = 0.0 if head_fill is None else head_fill[layer].to(states)
        change = (fill - recording.z[layer]) * (1 - heads[:, layer])[:, None, None, :, None]
        moved = torch.einsum("csphd,hdm->cspm", change, model.output_weight(layer))
        attention = rearrange(recording.attention[layer] + moved, _STACKED)
        heads = heads.clone()
        heads[:, layer] = 1.0
    rows = [None if scales is None else scales.repeat_interleave(recording.n_samples, 0) for scales in (heads, neurons)]
    edits = edited(model, heads=rows[0], head_fill=head_fill, neurons=rows[1], neuron_fill=neuron_fill)
    with edits, fused(model, on=recording.fused):
        if attention is not None:
            states = call_after_attention(recording, layer, states, attention)
            layer += 1
        return run_from_layer(recording, layer, states, copies=cells, last=last)
