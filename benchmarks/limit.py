"""The limit that `engine.py` prints: arithmetic that a job cannot avoid, and how fast this machine does it.

Only what must change is counted: behind the changed position or head, in the layers from there on, and only the
logits that are read. Two operations per multiply-add; norms, activations and softmax are left out.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Arithmetic:
    """Operations (FLOP) of one sample with `positions` tokens."""

    layers: int
    positions: int
    keys: float  # keys and values of one token
    query: float
    out: float
    mlp: float
    gate: float
    score: float  # one query with one key, and its share of the values
    head: float  # one head's output through W_O
    row: float  # one row of logits
    shared: int  # positions at the beginning that a pair's prompts have in common

    @classmethod
    def of(cls, model, positions, shared=0):
        config = model.config
        d, inner = model.d_model, model.n_heads * model.d_head
        kv_heads = getattr(config, "num_key_value_heads", None) or model.n_heads
        gate = 2 * d * model.n_neurons
        return cls(
            layers=model.n_layers,
            positions=positions,
            keys=2 * d * 2 * kv_heads * model.d_head,
            query=2 * d * inner,
            out=2 * d * inner,
            mlp=gate * (2 if config.model_type == "gpt2" else 3),
            gate=gate,
            score=4 * inner,
            head=2 * model.d_head * d,
            row=2 * d * model.n_vocabulary,
            shared=shared,
        )

    def scores(self, start=0):
        """Every query from `start` with every key before it."""
        return self.score * sum(range(start + 1, self.positions + 1))

    def layer(self, start=0):
        """One layer, positions from `start` on."""
        return (self.positions - start) * (self.keys + self.query + self.out + self.mlp) + self.scores(start)

    def final(self, start=0):
        """The last layer when its last position alone is read."""
        return (self.positions - start) * self.keys + self._one()

    def _one(self):
        return self.query + self.out + self.mlp + self.score * self.positions

    def record(self):
        """One forward pass without logits."""
        return self.layers * self.layer()

    def residual_cell(self, layer, position):
        """The state in front of a layer at one position, read at the last position."""
        rest = self.positions - position
        if layer == self.layers - 1:
            last = position == self.positions - 1
            return self.keys + (self._one() if last else self.score + self.out + self.mlp)
        first = self.keys + self.query + self.score * (position + rest) + rest * (self.out + self.mlp)
        return first + (self.layers - layer - 2) * self.layer(position) + self.final(position)

    def head_cell(self, layer, start=0, *, last=True):
        """One head's output from `start` on; read at the last position or, with all logits, at every one."""
        rest = self.positions - start
        if last and layer == self.layers - 1:
            return self.head + self.mlp
        first = rest * (self.head + self.mlp)
        if last:
            return first + (self.layers - layer - 2) * self.layer(start) + self.final(start)
        return first + (self.layers - layer - 1) * self.layer(start) + (self.positions - 1) * self.row

    def gradient(self):
        """A forward pass, and a backward pass to the heads' outputs: all twice but the first layer's attention."""
        behind = self.layers * self.positions * (self.out + self.mlp)
        before = (self.layers - 1) * (self.positions * (self.keys + self.query) + 2 * self.scores())
        return self.record() + behind + before + 2 * (self.positions - 1) * self.row

    def attribution(self, start):
        """A forward pass of the source; forward and backward of the target behind the shared prefix, no parameters."""
        back = self.layers * (
            (self.positions - start) * (self.keys + self.query + self.out + self.mlp) + 2 * self.scores(start)
        )
        return self.record() + self.layers * self.layer(start) + back

    def firing(self):
        """A forward pass up to the last gate."""
        return self.record() - self.positions * (self.mlp - self.gate)


def matmul_rate(model, rows, repeats=7):
    """FLOP per second of the fastest of some matrix products: this model's own two, and a square one."""
    best = 0.0
    for m, k, n in ((rows, model.d_model, model.n_neurons), (rows, model.n_neurons, model.d_model), (1024, 1024, 1024)):
        x = torch.randn(m, k, device=model.device, dtype=model.dtype)
        weight = torch.randn(n, k, device=model.device, dtype=model.dtype)
        loops = max(1, int(2e9 / (2 * m * k * n)))
        seconds = []
        for _ in range(repeats):
            _wait(model)
            start = time.perf_counter()
            for _ in range(loops):
                torch.nn.functional.linear(x, weight)
            _wait(model)
            seconds.append((time.perf_counter() - start) / loops)
        best = max(best, 2 * m * k * n / statistics.median(seconds[1:]))
    return best


def _wait(model):
    if model.device.type == "cuda":
        torch.cuda.synchronize()
