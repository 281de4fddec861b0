"""Whether runs from a layer on equal runs of the whole model after a *changed* head, neuron or position.

Without a change, a wrong output projection would go unnoticed; so every trial changes something.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from workbench.model.checks.probe import Probe
from workbench.model.forward.full_rerun import run_whole
from workbench.model.forward.layers import call_after_attention, call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import replace_heads, replace_positions, rescale
from workbench.model.hooks import before, hooked
from workbench.model.metrics import unembed
from workbench.model.model import Model

_SHARE = {torch.float32: 1e-3, torch.float16: 5e-2, torch.bfloat16: 2e-1}  # of the change that the edit makes
_ROUNDING = 64  # times the resolution of the type, of the largest number of a state


class RestartError(ValueError):
    """A run from a layer on differs from a full pass; the message states where and by how much."""


@torch.no_grad()
def check_restarts(model: Model, probe: Probe) -> float:
    """Try runs from every layer on, and cells of sweeps in the middle layer.

    Returns:
        The largest difference of logits between cells that are run again and full passes with hooks.

    Raises:
        RestartError: names the layer, what was changed, and the error as a share of the change.
    """
    recording = record(model, probe.batch(model.device), heads=True, keys=True, patterns=True)
    if len(recording.keys_values) < model.n_layers:
        raise RestartError(
            "its attention leaves a key-value cache empty, so later positions cannot attend to earlier ones"
        )
    for layer in range(model.n_layers):
        _check_layer(recording, layer)
    return _cells_gap(recording)


def _check_layer(recording: Recording, layer: int) -> None:
    model, states = recording.model, recording.residual[layer]
    clean = recording.residual[layer + 1]
    alone = call_layer(recording, layer, states)
    _same(recording, alone, clean, clean - states, f"layer {layer} called alone")
    head = layer % model.n_heads
    change = noise(recording.z[layer][:, :, head])
    with hooked([before(model.attention_parts(layer)[1], _head_edit(recording, head, change))]):
        expected = call_layer(recording, layer, states)
    attention = recording.attention[layer] + change @ model.output_weight(layer)[head]
    actual = call_after_attention(recording, layer, states, attention)
    _same(recording, actual, expected, expected - clean, f"head {head} of layer {layer} changed by W_O")
    start = recording.n_positions // 2
    moved = states.clone()
    moved[:, start:] += noise(states[:, start:])
    expected = call_layer(recording, layer, moved)
    actual = call_layer(recording, layer, moved[:, start:], Columns(recording, [start]))
    _same(recording, actual, expected[:, start:], (expected - clean)[:, start:], f"positions of layer {layer} changed")


def _cells_gap(recording: Recording) -> float:
    """The cells of sweeps, one of each kind, in the middle layer, against one stacked full pass with hooks."""
    model, samples = recording.model, recording.n_samples
    layer, position, head = model.n_layers // 2, recording.n_positions // 2, model.n_heads - 1
    z = recording.z[layer][:, :, head] + noise(recording.z[layer][:, :, head])
    state = recording.residual[layer][:, position] + noise(recording.residual[layer][:, position])
    cells = [
        replace_heads(recording, layer, [head, 0], torch.stack([z, recording.z[layer][:, :, 0]]))[0],
        replace_positions(recording, layer, [position, 1], torch.stack([state, recording.residual[layer][:, 1]]))[0],
    ]
    scales = torch.ones(1, model.n_layers, model.n_heads)
    scales[0, layer:, head] = 0.5
    cells.append(rescale(recording, heads=scales)[0])

    def edit_heads(values: Tensor, *, replaced: bool) -> Tensor:
        each = values.clone().reshape(3, samples, -1, model.n_heads, model.d_head)
        if replaced:
            each[0, :, :, head] = z
        each[2, :, :, head] *= 0.5
        return each.reshape(values.shape)

    def edit_states(values: Tensor) -> Tensor:
        values = values.clone()
        values[samples : 2 * samples, position] = state
        return values

    edits: dict[Any, Any] = {model.bridge.blocks[layer]: edit_states}
    for i in range(layer, model.n_layers):
        edits[model.attention_parts(i)[1]] = partial(edit_heads, replaced=i == layer)
    full = run_whole(recording, 3, edits).reshape(3, samples, recording.n_positions, -1)
    return max(_logit_gap(recording, actual, expected) for actual, expected in zip(cells, full, strict=True))


@torch.no_grad()
def neurons_gap(model: Model, probe: Probe) -> float:
    """The largest difference of logits between a run with neurons of every layer scaled and a full pass with hooks."""
    recording = record(model, probe.batch(model.device), heads=True, keys=True, patterns=True)
    scales = torch.ones(1, model.n_layers, model.n_neurons)
    scales[:, :, ::3] = 0.5
    factors = scales[0].to(recording.residual[0])
    edits = {model.bridge.blocks[i].mlp.out: partial(torch.mul, factors[i]) for i in range(model.n_layers)}
    return _logit_gap(recording, rescale(recording, neurons=scales)[0], run_whole(recording, 1, edits))


def _logit_gap(recording: Recording, actual: Tensor, expected: Tensor) -> float:
    """Difference of logits at the real position whose final states differ most; a cell may begin later."""
    model, start = recording.model, recording.n_positions - actual.shape[1]
    real = recording.batch.mask[:, start:].bool()
    states = actual[real], expected[:, start:][real]
    worst = (states[0] - states[1]).abs().amax(-1).argmax()
    logits = unembed(model, model.bridge.ln_final(torch.stack([state[worst] for state in states])[None])[0]).float()
    return float((logits[0] - logits[1]).abs().max())


def noise(values: Tensor) -> Tensor:
    """A change of about the size of some values."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(values.shape, generator=generator).to(values)
    return drawn * values.float().std().to(values)


def _head_edit(recording: Recording, head: int, change: Tensor) -> Callable[[Tensor], Tensor]:
    model = recording.model

    def edit(values: Tensor) -> Tensor:
        each = values.clone().reshape(*change.shape[:2], model.n_heads, model.d_head)
        each[:, :, head] += change
        return each.reshape(values.shape)

    return edit


def _same(recording: Recording, actual: Tensor, expected: Tensor, change: Tensor, what: str) -> None:
    """Refuse states that differ by more than rounding and a small share of the change that was made."""
    real = recording.batch.mask[:, -actual.shape[1] :].bool()
    error = (actual - expected).float().abs().amax(-1)[real]
    rounding = _ROUNDING * torch.finfo(expected.dtype).eps * expected.float().abs().amax(-1)[real]
    size = float(change.float().abs().amax(-1)[real].max())
    share = float((error - rounding).max()) / max(size, 1e-30)
    if not share <= _SHARE[expected.dtype]:
        raise RestartError(f"{what}: the result differs from a full pass by {share:.2g} of the change")
