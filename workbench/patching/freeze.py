"""Two runs of a batch of pairs, and layers in which heads (and MLPs) are held at what they said in one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.model.model import Model
from workbench.model.record import record
from workbench.model.recording import Recording, stack
from workbench.patching.prompts import PairBatch


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
    handles = []
    if not through_mlps:
        for layer in range(model.n_layers):
            handles.append(_down(model, layer).register_forward_pre_hook(lambda part, args: neurons.append(args[0])))
    try:
        target = record(model, batch.target, heads=True, patterns=patterns)
    finally:
        for handle in handles:
            handle.remove()
    assert through_mlps or len(neurons) == model.n_layers, "the down projection of each layer is passed once"
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
    fired = 0

    def answer(values: Tensor) -> Any:
        def hook(part: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            nonlocal fired
            fired += 1
            return (values.reshape(args[0].shape), *args[1:])  # OPT merges rows and positions

        return hook

    handles = [part.register_forward_pre_hook(answer(values)) for part, values in parts]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    assert fired == len(parts), f"{len(parts)} projections of layer {layer} are passed once each, not {fired} times"


def _down(model: Model, layer: int) -> Any:
    return model.bridge.blocks[layer].mlp.out
