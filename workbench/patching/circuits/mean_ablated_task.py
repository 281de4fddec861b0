"""A task's metric with some heads and neurons kept and every other one mean-ablated."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from workbench.model.forward.record import record
from workbench.model.forward.rerun import rescale
from workbench.model.hooks import before, hooked
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.cells import read
from workbench.patching.engine.gradient import activation_gradients
from workbench.patching.engine.prompts import Prompts, batches, cells_at_once
from workbench.results.resuming.progress import resumed


@dataclass(frozen=True)
class Unit:
    """What is kept or ablated together: a head, a neuron, or a block of neurons; `members` count layer by layer."""

    kind: str
    members: tuple[int, ...]


class Task:
    """The metric of each pair's source prompt with only some heads and neurons kept."""

    means: dict[str, Tensor]  # of every head's output, [layer, head, d_head], and of every neuron, [layer, neuron]

    def __init__(
        self,
        model: Model,
        prompts: Prompts,
        rows: Sequence[int],
        metric: Metric,
        batch_size: int | str,
        over: Sequence[str],
    ):
        """Run the prompts of these rows; the metric is that of all pairs, so pairs keep their row numbers."""
        self.model, self.pairs, self.metric, self.over = model, len(rows), metric, tuple(over)
        self.runs, self.sums, self.count = [], {kind: torch.zeros(()) for kind in over}, 0
        for batch in batches(model, prompts.some(rows), batch_size):
            numbered = replace(batch.source, rows=tuple(rows[row] for row in batch.rows))
            with _neurons(model, "neuron" in over) as neurons:
                recording = record(model, numbered, heads=True)
            real = recording.batch.counted.bool()
            self.runs.append((batch.rows, recording))
            self.count += int(real.sum())
            seen = {"head": recording.z, "neuron": [values.reshape(*real.shape, -1) for values in neurons]}
            for kind in over:
                sums = torch.stack([values[real].float().sum(0) for values in seen[kind]])
                self.sums[kind] = self.sums[kind].to(sums) + sums

    def share_means(self, other: "Task") -> None:
        """Make both tasks ablate to the means over the prompts of both."""
        self.means = other.means = {
            kind: ((self.sums[kind] + other.sums[kind]) / (self.count + other.count)).to(self.model.dtype)
            for kind in self.over
        }

    def metric_keeping_only(self, sets: Sequence[Sequence[Unit]]) -> np.ndarray:
        """[set, pair]: the metric with every unit outside a set at its mean."""
        values = np.empty((len(sets), self.pairs))
        for rows, recording in resumed(self.runs, {"values": values}):
            positions = recording.n_positions
            size = cells_at_once(self.model, recording.n_samples, positions, positions)
            for start in range(0, len(sets), size):
                scales = self._scales(sets[start : start + size])
                states: Tensor = rescale(
                    recording,
                    heads=scales.get("head"),
                    head_fill=self.means.get("head"),
                    neurons=scales.get("neuron"),
                    neuron_fill=self.means.get("neuron"),
                    last=self.metric.last,
                )
                values[start : start + size, list(rows)] = read(recording, self.metric, states).double().cpu().numpy()
        return values

    def _scales(self, sets: Sequence[Sequence[Unit]]) -> dict[str, Tensor]:
        """[set, layer, head or neuron]: 1 for what is kept, else 0."""
        widths = {"head": self.model.n_heads, "neuron": self.model.n_neurons}
        scales = {}
        for kind in self.over:
            flat = torch.zeros(len(sets), self.model.n_layers * widths[kind])
            for row, units in enumerate(sets):
                flat[row, [member for unit in units if unit.kind == kind for member in unit.members]] = 1.0
            shaped = rearrange(flat, "set (layer unit) -> set layer unit", layer=self.model.n_layers)
            scales[kind] = shaped.to(self.model.device)
        return scales

    def neurons_by_loss(self) -> list[int]:
        """All neurons, numbered layer by layer, least important first, by attribution patching."""
        total = torch.zeros(self.model.n_layers, self.model.n_neurons, device=self.model.device)
        for _, recording in self.runs:
            states = recording.residual[0]
            gradients = activation_gradients(recording, states, self.metric, recording.batch, sites=["neuron"])
            real = recording.batch.mask[..., None] == 1
            for layer, (own, slope) in enumerate(zip(gradients.at["neuron"], gradients.slope["neuron"], strict=True)):
                change = (self.means["neuron"][layer] - own) * slope
                total[layer] += torch.where(real, change, 0.0).sum((0, 1)).float()
        return torch.argsort(total.flatten(), descending=not self.metric.lower_is_better, stable=True).tolist()


@contextmanager
def _neurons(model: Model, wanted: bool) -> Iterator[list[Tensor]]:
    """Temporarily collect the input of each layer's down projection, where it is wanted."""
    inputs: list[Tensor] = []
    parts = [model.bridge.blocks[layer].mlp.out for layer in range(model.n_layers)] if wanted else []
    with hooked([before(part, inputs.append) for part in parts]):
        yield inputs
