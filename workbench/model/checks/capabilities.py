"""Abilities: each path that an analysis takes is compared with full passes with hooks when a model is loaded.

Nothing here is assumed from a list of architectures. A trial changes a head, a neuron, a pattern, a position in every
layer and compares with the same change made by a hook; it raises `Lost` with what went wrong and its size.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from workbench.errors import WorkbenchError, first_line
from workbench.model.activations import tensors
from workbench.model.checks.costs import COSTS
from workbench.model.checks.probe import Probe
from workbench.model.checks.restarts import RestartError, check_restarts, neurons_gap, noise
from workbench.model.effective_weights import linear_error
from workbench.model.forward.fused_attention import fused
from workbench.model.forward.generate import greedy
from workbench.model.forward.layers import call_layer
from workbench.model.forward.record import record
from workbench.model.forward.recording import Recording
from workbench.model.hooks import after, hooked
from workbench.model.linear.frozen_pass import frozen_pass
from workbench.model.metrics import unembed
from workbench.model.model import Model
from workbench.text.batches import Batch

_LINEAR = {torch.float32: 1e-4, torch.float16: 5e-2, torch.bfloat16: 2e-1}  # share of the largest output


class Lost(Exception):
    """A trial failed; the message states how and by how much."""


def find_abilities(model: Model, probe: Probe, bound: float) -> None:
    """Try everything once and write `model.abilities`, `model.lost` and the figures in `model.parity`."""
    trials: dict[str, Callable[[Model, Probe, float], None]] = {
        "restart": _restart,
        "head": _head,
        "pattern": _pattern,
        "neuron": _neuron,
        "fused": _fused,
        "linear": _linear,
        "generate": _generate,
    }
    model.abilities = dict.fromkeys(COSTS, False)
    for ability, trial in trials.items():
        reason = _failure(trial, model, probe, bound)
        model.abilities[ability] = reason is None
        if reason is not None:
            model.lost[ability] = reason
    model.warned.clear()  # warnings given during the trials do not count


def _failure(trial: Callable[[Model, Probe, float], None], model: Model, probe: Probe, bound: float) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a discarded edit is what the trial detects
            trial(model, probe, bound)
    except (Lost, RestartError) as reason:
        return str(reason)
    except (WorkbenchError, RuntimeError, AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        return f"it cannot be run here ({type(error).__name__}: {first_line(error)})"
    return None


def _recorded(model: Model, probe: Probe) -> Recording:
    return record(model, probe.batch(model.device), heads=True, patterns=True)


def _restart(model: Model, probe: Probe, bound: float) -> None:
    model.abilities |= {"restart": True, "head": True}  # needed while it is tried; heads have their own trial next
    gap = check_restarts(model, probe)
    model.parity["restart"] = gap
    if not gap <= bound:
        raise Lost(f"a run from a layer on differs from the logits of a full pass by {gap:.2g}")


def _changes(recording: Recording, layer: int, point: Any, edit: Callable[[Tensor], Tensor]) -> bool:
    """Whether an edit at a hook point changes the output of its layer or, where layers cannot be run, of the model."""
    model = recording.model
    with hooked([after(point, edit)]):
        if model.abilities["restart"]:
            edited = call_layer(recording, layer, recording.residual[layer])
            clean = recording.residual[layer + 1]
        else:
            edited, clean = model.states(recording.batch), model.bridge.ln_final(recording.residual[-1])
    real = recording.batch.mask.bool()
    return bool((edited[real] != clean[real]).any())


def _layers_with_heads(recording: Recording) -> list[int]:
    """Layers whose heads are not all zero: pruned heads are, and change nothing."""
    layers = range(recording.model.n_layers)
    return [i for i in layers if recording.z[i].any()] or list(layers)


def _head(model: Model, probe: Probe, bound: float) -> None:
    recording = _recorded(model, probe)  # refuses outputs that are not heads side by side
    seen = tensors(model, recording.batch, [("head", 0)])["head", 0]
    if seen.numel() != recording.z[0].numel():
        raise Lost(f"head outputs have {seen.numel()} numbers, expected {recording.z[0].numel()}")
    for i in _layers_with_heads(recording):
        if not _changes(recording, i, model.hook_point("head", i), torch.zeros_like):
            raise Lost(f"heads of layer {i} set to zero change nothing: edits there are silently ignored")
        if (error := linear_error(model.attention_parts(i)[1], model.n_heads * model.d_head)) > _LINEAR[model.dtype]:
            raise Lost(
                f"the output projection of layer {i} is not a matrix: it differs from x W_O by {error:.2g} of its size"
            )


def _pattern(model: Model, probe: Probe, bound: float) -> None:
    recording = _recorded(model, probe)
    for i in _layers_with_heads(recording):
        if not _changes(recording, i, model.hook_point("pattern", i), lambda p: torch.ones_like(p) / p.shape[-1]):
            raise Lost(f"patterns of layer {i} made uniform change nothing: edits there are silently ignored")


def _neuron(model: Model, probe: Probe, bound: float) -> None:
    if getattr(model.bridge.blocks[0].mlp, "out", None) is None:
        raise Lost("its MLPs are experts: there is no single down projection of neurons")
    recording = _recorded(model, probe)
    for i in range(model.n_layers):
        gate = tensors(model, recording.batch, [("gate", i)])["gate", i] if i == model.n_layers - 1 else None
        if gate is not None:
            if gate.shape[-1] * recording.batch.ids.numel() != gate.numel():
                raise Lost(f"neurons of layer {i} come as {list(gate.shape)}, not one row a token")
            model.n_neurons = int(gate.shape[-1])
        if not _changes(recording, i, model.hook_point("neuron", i), torch.zeros_like):
            raise Lost(f"neurons of layer {i} set to zero change nothing: edits there are silently ignored")
    for i in range(model.n_layers):
        if (error := linear_error(model.bridge.blocks[i].mlp.out, model.n_neurons)) > _LINEAR[model.dtype]:
            raise Lost(
                f"the down projection of layer {i} is not a matrix: it differs from x W by {error:.2g} of its size"
            )
    if model.abilities["restart"]:
        model.abilities["neuron"] = True  # needed while it is tried
        if not (gap := neurons_gap(model, probe)) <= bound:
            raise Lost(f"a run from a layer on with scaled neurons differs from the logits of a full pass by {gap:.2g}")


def _fused(model: Model, probe: Probe, bound: float) -> None:
    attention, projection = model.attention_parts(0)
    if not any(part is projection for part in attention.original_component.modules()):  # GPT-2
        raise Lost("its own attention does not call the output projection whose input is read and edited")
    if not getattr(model.module, "_supports_sdpa", False):
        raise Lost("transformers has no fused attention for it")
    batches = [probe.batch(model.device, side=side) for side in ("right", "left")]
    eager_states = [model.states(batch) for batch in batches]
    model.abilities["fused"] = True  # needed while it is tried
    try:
        with fused(model):
            fused_states = [model.states(batch) for batch in batches]
    finally:
        model.abilities["fused"] = False
    real = [batch.mask.bool() for batch in batches]
    rows = [torch.cat([s[m] for s, m in zip(states, real, strict=True)]) for states in (fused_states, eager_states)]
    worst = (rows[0] - rows[1]).abs().amax(-1).topk(3).indices
    logits = unembed(model, torch.cat([rows[0][worst], rows[1][worst]])).float()
    model.parity["fused"] = float((logits[:3] - logits[3:]).abs().max())
    if not model.parity["fused"] <= bound:
        raise Lost(
            f"fused attention differs from the logits by {model.parity['fused']:.2g} (soft-capped or biased scores?)"
        )
    if getattr(model.config.get_text_config(), "attn_logit_softcapping", None):  # which rounding may hide
        raise Lost("its scores are soft-capped, which fused attention leaves out")


def _linear(model: Model, probe: Probe, bound: float) -> None:
    if not model.abilities["pattern"]:
        raise Lost(f"its attention patterns cannot be made constant: {model.lost['pattern']}")
    frozen = frozen_pass(model, probe.batch(model.device, rows=slice(1)))
    steps = torch.arange(3, dtype=model.dtype, device=model.device)[:, None, None]
    read, final = frozen.run(
        frozen.embedded + steps * noise(frozen.embedded),
        lambda layer, _: frozen.written[layer] + steps * noise(frozen.written[layer]),
    )
    names = [*(f"what the MLP of layer {layer} reads" for layer in range(model.n_layers)), "the final state"]
    for name, states, seen in zip(names, [*read, final], [*frozen.read, frozen.final], strict=True):
        start, once, twice = states.float()
        size = float((once - start).abs().max())
        error = max(float((2 * once - start - twice).abs().max()), float((start - seen.float()).abs().max()))
        if not error <= _LINEAR[model.dtype] * size:
            share = error / max(size, 1e-30)
            raise Lost(f"with patterns and norms' denominators constant, {name} is not linear: off by {share:.2g}")


def _generate(model: Model, probe: Probe, bound: float) -> None:
    batch = probe.batch(model.device, side="left")
    steps = 2
    output = greedy(model, batch, steps, cache=True, min_new_tokens=steps, output_logits=True)
    ids = output.sequences[:, :-1]
    mask = torch.cat([batch.mask, batch.mask.new_ones(len(batch), steps - 1)], 1)
    full = model.logits(Batch(ids, mask, batch.languages, batch.rows))[:, -steps:].float()
    gap = float((torch.stack(output.logits, 1).float() - full).abs().max())
    model.parity["generate"] = gap
    if not gap <= bound:
        raise Lost(f"generation with a cache differs from the logits of full passes by {gap:.2g}")
