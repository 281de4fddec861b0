"""Record: one ordinary forward pass that stores what a run from a layer on needs."""

import inspect
from functools import partial
from operator import setitem
from typing import Any

import torch

from workbench.errors import NotFinite
from workbench.model.forward.alone import alone
from workbench.model.forward.fused_attention import fused
from workbench.model.forward.recording import Recording, first
from workbench.model.hooks import after, before, hooked, on_call
from workbench.model.loading.cache_argument import CACHE_NAMES, cache_name
from workbench.model.model import Model
from workbench.text.batches import Batch

_DROPPED = (*CACHE_NAMES, "use_cache")


@alone
@torch.no_grad()
def record(model: Model, batch: Batch, *, heads: bool = False, keys: bool = False, patterns: bool = False) -> Recording:
    """Run a batch once, without the unembedding, and keep what a run from any layer on needs.

    Args:
        model: the model.
        batch: token ids and mask.
        heads: keep the heads' outputs and the attention outputs, to continue after the attention.
        keys: keep keys and values, to run suffixes.
        patterns: attention patterns will be read or edited in reruns, so attention has to form them.

    Returns:
        The Recording; memory is n_layers + 1 residual streams, three times that with heads and keys.

    Raises:
        NotFinite: an activation at a real position is NaN or infinite; names the layer and the sample.
    """
    if not model.abilities.get("restart", True):
        model.warn_slow("restart")
    layers = range(model.n_layers)
    recording = Recording(model, batch.to(model.device), fused=not patterns)
    recording.arguments = [{} for _ in layers]
    recording.n_attention_outputs = [0 for _ in layers]
    recording.residual = [torch.empty(0)] * (model.n_layers + 1)
    hooks = [
        before(model.bridge.ln_final, partial(setitem, recording.residual, model.n_layers)),
        *(on_call(model.bridge.blocks[i], _keep_arguments(recording, i)) for i in layers),
    ]
    if heads:
        recording.z = [torch.empty(0)] * model.n_layers
        recording.attention = [torch.empty(0)] * model.n_layers
    for i in layers:
        attention, projection = model.attention_parts(i)
        hooks.append(after(attention, partial(_keep_attention, recording, i)))
        if heads:
            hooks.append(before(projection, partial(setitem, recording.z, i)))
    with hooked(hooks), fused(model, on=recording.fused):
        if keys and model.abilities.get("restart", True):
            from transformers import DynamicCache

            cache = DynamicCache()  # without a config, sliding layers keep every position too
            name = cache_name(model.module.base_model.forward)
            model.states(recording.batch, use_cache=True, **{name: cache})
            recording.keys_values = [(layer.keys, layer.values) for layer in cache.layers]  # type: ignore[misc]
        else:
            model.states(recording.batch)
    if heads:
        shape = (recording.n_samples, recording.n_positions, model.n_heads, model.d_head)
        recording.z = [z.reshape(shape) for z in recording.z]
    _check_finite(recording)
    return recording


def _keep_arguments(recording: Recording, layer: int):
    block = recording.model.bridge.blocks[layer]
    taken = inspect.signature(block.original_component.forward).parameters
    names, open_ended = list(taken), any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())

    def hook(args: tuple[Any, ...], options: dict[str, Any]) -> None:
        named = {**dict(zip(names, args, strict=False)), **options}
        recording.residual[layer] = named.pop(names[0])
        for name in CACHE_NAMES:
            if name in named:
                recording.cache_name = name
        recording.arguments[layer] = {
            name: value
            for name, value in named.items()
            if name not in _DROPPED and (open_ended or name in taken)  # as TransformerLens's own block does
        }

    return hook


def _keep_attention(recording: Recording, layer: int, output: Any) -> None:
    """Keep the output, and how many values it is of: running only the last position needs that without heads too."""
    recording.n_attention_outputs[layer] = len(output) if isinstance(output, tuple) else 0
    if recording.attention:
        recording.attention[layer] = first(output)


def _check_finite(recording: Recording) -> None:
    real = recording.batch.mask.bool()
    if bool(torch.isfinite(recording.residual[-1][real]).all()):
        return
    for layer, states in enumerate(recording.residual):
        for sample in range(recording.n_samples):
            if not bool(torch.isfinite(states[sample][real[sample]]).all()):
                language, row = recording.batch.languages[sample], recording.batch.rows[sample]
                raise NotFinite(f"the input of layer {layer} is NaN or infinite for sample {row} of {language!r}")
