"""Both runs of a batch of pairs, and layers whose heads (and MLPs) are frozen at their outputs in the target run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording, stack
from workbench.model.hooks import before, hooked
from workbench.model.model import Model
from workbench.patching.engine.prompts import PairBatch


@dataclass
class PairRuns:
    """Both runs, with the heads' outputs; `neurons` of the target, per layer, where MLPs are to be frozen."""

    source: Recording
    target: Recording
    neurons: list[Tensor] = field(default_factory=list)


def run_pair(model: Model, batch: PairBatch, *, through_mlps: bool, patterns: bool) -> PairRuns:
    """Run both prompts of each pair in the same way; `patterns` where q, k or v is read or edited."""
    source = record(model, batch.source, heads=True, patterns=patterns)
    neurons: list[Tensor] = []
    layers = [] if through_mlps else range(model.n_layers)
    hooks = [before(_down(model, layer), neurons.append) for layer in layers]
    with hooked(hooks, once="" if through_mlps else "down projections"):
        target = record(model, batch.target, heads=True, patterns=patterns)
    return PairRuns(source, target, neurons)


@contextmanager
def heads_frozen_to(runs: PairRuns, layer: int, copies: int, heads: Tensor | None = None) -> Iterator[None]:
    """Temporarily give a layer's heads their outputs of the target run, and its neurons theirs where MLPs are frozen.

    The inputs of the output projection and of the down projection are frozen, because some architectures add the
    residual stream to the outputs of these.

    Args:
        runs: both runs.
        layer: the layer.
        copies: how many copies of the batch are stacked.
        heads: the head of each copy whose output is the source run's, [copy]; none when None.
    """
    target = runs.target
    z = stack(target.z[layer], copies)
    if heads is not None:
        z = rearrange(z, "(copy sample) position head d_head -> copy sample position head d_head", copy=copies).clone()
        rows = torch.arange(copies, device=z.device)
        z[rows, :, :, heads] = rearrange(
            runs.source.z[layer][:, :, heads], "sample position head d_head -> head sample position d_head"
        )
    parts = [(target.model.attention_parts(layer)[1], z)]
    if runs.neurons:
        parts.append((_down(target.model, layer), stack(runs.neurons[layer], copies)))

    def replace_input(values: Tensor) -> Any:
        return lambda own: values.reshape(own.shape)  # OPT merges rows and positions

    hooks = [before(part, replace_input(values)) for part, values in parts]
    with hooked(hooks, once=f"projections of layer {layer}"):
        yield


def _down(model: Model, layer: int) -> Any:
    return model.bridge.blocks[layer].mlp.out
