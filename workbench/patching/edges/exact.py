"""One edge exactly: the metric when one sender's change reaches one receiver and nothing else."""

import inspect
from dataclasses import replace

import torch
from torch import Tensor

from workbench.model.forward.layers import call_after_attention
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack
from workbench.model.forward.rerun import run_from_layer
from workbench.model.metrics import Metric
from workbench.patching.edges.contributions import ContributionDifferences
from workbench.patching.edges.graph import Node
from workbench.patching.edges.receivers import run_with_receiver_input
from workbench.patching.engine.cells import read, split
from workbench.patching.engine.prompts import cells_at_once, first_difference


@torch.no_grad()
def measure(source: Recording, target: Recording, edges: list[tuple[Node, Node]], metric: Metric) -> Tensor:
    """The metric of the target run with one (sender, receiver) edge each from the source run: [edge, sample].

    Both runs are recorded with heads and patterns, the target's with keys.
    """
    differences = ContributionDifferences(
        target.model,
        list(zip(source.residual, target.residual, strict=True)),
        list(zip(source.z, target.z, strict=True)),
    )
    values = torch.empty(len(edges), target.n_samples, device=target.model.device)
    start = first_difference(source.batch, target.batch)
    size = cells_at_once(target.model, target.n_samples, target.n_positions, target.n_positions)
    for receiver in dict.fromkeys(receiver for _, receiver in edges):
        for block in split([i for i, edge in enumerate(edges) if edge[1] == receiver], size):
            moved = torch.stack([differences.of(edges[i][0]) for i in block])
            moved = moved.masked_fill(target.batch.mask[None, :, :, None] == 0, 0.0)
            values[block] = read(target, metric, _patched(target, receiver, moved, start, last=metric.last)).float()
    return values


def _patched(target: Recording, receiver: Node, moved: Tensor, start: int, *, last: bool) -> Tensor:
    """The final residual stream [cell, ...] with `moved` [cell, sample, position, d_model] added to a receiver's input.

    `moved` is zero before `start`; positions before it are not run after the receiver's layer.
    """
    layer, copies = receiver.layer, len(moved)
    if receiver.kind == "logits":
        states = target.residual[-1] + moved
        return states[:, :, -1:] if last else states
    flat = moved.flatten(0, 1)
    states = stack(target.residual[layer], copies) + flat
    if receiver.kind == "mlp":
        attention = stack(target.attention[layer], copies)
        if _adds_residual(target, layer):
            attention = attention + flat
        states = call_after_attention(target, layer, states, attention) - flat
    else:
        states = run_with_receiver_input(target, receiver, states, Columns(target, copies=copies))
    following = replace(target, fused=True)
    return run_from_layer(following, layer + 1, states[:, start:], copies=copies, start=start, last=last)


def _adds_residual(target: Recording, layer: int) -> bool:
    """Whether the attention itself adds the residual stream to its output, as Bloom's does."""
    attention = target.model.attention_parts(layer)[0].original_component
    return "residual" in inspect.signature(attention.forward).parameters
