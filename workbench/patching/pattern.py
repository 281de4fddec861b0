"""Patch attention patterns: hooks on the pattern of one layer while the run restarts at it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from workbench.model.layers import call_layer
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.model.recording import Recording, stack
from workbench.model.rerun import tail
from workbench.patching.cells import Cells, read
from workbench.patching.prompts import cells_at_once


@torch.no_grad()
def patterns(source: Recording, target: Recording, metric: Metric) -> Cells:
    """Every layer and head: the source's attention pattern of that head, all queries and keys."""
    model, samples = target.model, target.n_samples
    real = target.batch.mask.bool()
    pairs = real[:, None, :, None] & real[:, None, None, :]  # real queries and keys
    size = cells_at_once(model, samples, target.n_positions, target.n_positions)
    for layer in range(model.n_layers):
        given, own = _pattern(source, layer), _pattern(target, layer)
        changed = ((given != own) & pairs).any(-1).any(-1)  # [sample, head]
        for start in range(0, model.n_heads, size):
            heads = list(range(start, min(start + size, model.n_heads)))
            with _edited(model, layer, _exchange(given, heads)):
                states = stack(target.residual[layer], len(heads))
                states = tail(target, layer, states, copies=len(heads), last=metric.last)
            yield layer, heads, read(target, metric, states), changed[:, heads].T


def _pattern(recording: Recording, layer: int) -> Tensor:
    """The attention pattern of a layer in a recorded run: [sample, head, query, key]."""
    seen: list[Tensor] = []
    with _edited(recording.model, layer, seen.append):
        call_layer(recording, layer, recording.residual[layer])
    return seen[0]


def _exchange(given: Tensor, heads: list[int]) -> Callable[[Tensor], Tensor]:
    """An edit of stacked copies that gives each copy one head's pattern."""

    def edit(pattern: Tensor) -> Tensor:
        copies = pattern.clone().unflatten(0, (len(heads), given.shape[0]))
        for copy, head in enumerate(heads):
            copies[copy, :, head] = given[:, head]
        return copies.flatten(0, 1)

    return edit


@contextmanager
def _edited(model: Model, layer: int, edit: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """For a while, the pattern of a layer becomes what `edit` returns; it must fire exactly once."""
    fired = 0

    def hook(module: Any, args: Any, output: Tensor) -> Tensor | None:
        nonlocal fired
        fired += 1
        return edit(output)

    handle = model.hook_point("pattern", layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    assert fired == 1, f"the pattern of layer {layer} was passed {fired} times, once expected"
