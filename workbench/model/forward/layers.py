"""Calls of a single decoder layer; no other file depends on how layers are called.

A recorded layer can be called again on other states: for stacked copies of the batch, for some positions only (with the
clean keys and values of those before), or with a known tensor in place of its attention's output. Nothing is assumed
about the architecture but that it is a list of decoder layers, each with an attention that ends in a projection.
"""

from typing import Any

from torch import Tensor

from workbench.model.forward.evaluation_mode import evaluating
from workbench.model.forward.fused_attention import attend
from workbench.model.forward.packed_positions import Columns, PrefixCache
from workbench.model.forward.recording import Recording, first
from workbench.model.hooks import StopForward, before, hooked, with_forward


def call_layer(recording: Recording, layer: int, states: Tensor, columns: Columns | None = None) -> Tensor:
    """Run one layer on states [copies * sample, column, d_model]; columns are all positions, once, where omitted."""
    columns = columns or Columns(recording)
    block = recording.model.bridge.blocks[layer].original_component  # TransformerLens's own adds hooks that none read
    arguments = columns.fit(recording.arguments[layer])
    if columns.known:
        arguments[recording.cache_name] = PrefixCache(recording.keys_values[layer], columns)
    with evaluating(recording.model.block_parts[layer]):
        return first(block(states, **arguments))


def call_after_attention(recording: Recording, layer: int, states: Tensor, attention: Tensor) -> Tensor:
    """Run one layer with its attention's output given: no queries, scores or output projection are computed.

    Right for sequential, parallel and post-norm blocks alike, since the layer itself adds what it is given.
    """
    length = recording.n_attention_outputs[layer]
    output = (attention, *(None,) * (length - 1)) if length else attention
    module = recording.model.attention_parts(layer)[0]
    block = recording.model.bridge.blocks[layer].original_component
    with with_forward(module, lambda *args, **options: output), evaluating(recording.model.block_parts[layer]):
        return first(block(states, **recording.arguments[layer]))


def call_last_positions(recording: Recording, layer: int, states: Tensor, columns: Columns) -> Tensor:
    """Run one layer for the last position of each cell: keys and values of all, everything else of those.

    Returns:
        [copies * sample, cell, d_model], the cells being those of `columns`.
    """
    attention, projection = recording.model.attention_parts(layer)
    run = attend(recording.model, layer, on=recording.fused)
    seen: list[Tensor] = []

    def attend_then_stop(*args: Any, **options: Any) -> Any:
        added = [part[:, columns.ends] if _like(part, states) else part for part in args[1:]]  # Bloom adds the residual
        seen.append(first(run(*args[:1], *added, **options)))
        raise StopForward

    with hooked([before(projection, lambda z: z[:, columns.ends])]), with_forward(attention, attend_then_stop):
        call_layer(recording, layer, states, columns)
    return call_after_attention(recording, layer, states[:, columns.ends], seen[0])


def _like(part: Any, states: Tensor) -> bool:
    return isinstance(part, Tensor) and part.shape == states.shape
