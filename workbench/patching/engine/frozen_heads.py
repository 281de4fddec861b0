"""Two runs of a batch of pairs, and layers in which heads (and MLPs) are held at what they said in one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording, stack
from workbench.model.hooks import before, hooked
from workbench.model.model import Model
from workbench.patching.engine.prompts import PairBatch


@dataclass
class Runs:
    """Both runs, with the heads' outputs; `neurons` of the target, per layer, where MLPs are to be held."""

    source: Recording
    target: Recording
    neurons: list[Tensor] = field(default_factory=list)


def run_pair(model: Model, batch: PairBatch, *, through_mlps: bool, patterns: bool) -> Runs:
    """Run both prompts of each pair in the same way; `patterns` where the inside of attention is looked into."""
    source = record(model, batch.source, heads=True, patterns=patterns)
    neurons: list[Tensor] = []
    layers = [] if through_mlps else range(model.n_layers)
    hooks = [before(_down(model, layer), neurons.append) for layer in layers]
    with hooked(hooks, once="" if through_mlps else "down projections"):
        target = record(model, batch.target, heads=True, patterns=patterns)
    return Runs(source, target, neurons)


@contextmanager
def held(runs: Runs, layer: int, copies: int, heads: Tensor | None = None) -> Iterator[None]:
    """For a while, a layer's heads say what they said in the target run, and its neurons where MLPs are held.

    What is held is the input of the output and of the down projection, because some architectures add the residual
    stream to what follows these.

    Args:
        runs: both runs.
        layer: the layer.
        copies: how many copies of the batch are stacked.
        heads: the source's word is taken of one head in each copy, [copy]; of none when None.
    """
    target = runs.target
    z = stack(target.z[layer], copies)
    if heads is not None:
        z = z.unflatten(0, (copies, -1)).clone()
        rows = torch.arange(copies, device=z.device)
        z[rows, :, :, heads] = runs.source.z[layer][:, :, heads].permute(2, 0, 1, 3)
    parts = [(target.model.attention_parts(layer)[1], z)]
    if runs.neurons:
        parts.append((_down(target.model, layer), stack(runs.neurons[layer], copies)))

    def answer(values: Tensor) -> Any:
        return lambda own: values.reshape(own.shape)  # OPT merges rows and positions

    hooks = [before(part, answer(values)) for part, values in parts]
    with hooked(hooks, once=f"projections of layer {layer}"):
        yield


def _down(model: Model, layer: int) -> Any:
    return model.bridge.blocks[layer].mlp.out
