"""Frozen patterns: a head moves this text's values by its mean attention pattern."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from workbench.heads.scores.replacements import Replacement, Values
from workbench.model.activations import tensors
from workbench.model.forward.recording import Recording
from workbench.model.hooks import after, hooked
from workbench.model.model import Model
from workbench.text.batches import Batch


def frozen(model: Model, batches: Iterable[Batch], *, step: Callable[[], object]) -> Replacement:
    """The head's own values, weighted by its mean attention pattern.

    The pattern of query position q is the mean over all texts that reach q, counted from the text's first token, so its
    rows sum to one as a text's own do. In memory is one pattern of the longest text for every head. `step` is called
    after each batch.
    """
    total, count = torch.zeros(model.n_layers, model.n_heads, 0, 0, dtype=torch.float64), torch.zeros(0)
    for batch in batches:
        batch = batch.to(model.device)
        longer = int(batch.lengths.max()) - total.shape[2]
        if longer > 0:
            total = torch.nn.functional.pad(total, (0, longer, 0, longer))
            count = torch.nn.functional.pad(count, (0, longer))
        _add(model, batch, total)
        count += (torch.arange(len(count)) < batch.lengths.cpu()[:, None]).sum(0)
        step()
    mean = (total / count[:, None]).to(device=model.device, dtype=model.dtype)  # [layer, head, query, key]

    def replacement(recording: Recording) -> Values:
        batch = recording.batch
        with torch.no_grad():
            seen = tensors(model, batch, [("v", layer) for layer in range(model.n_layers)])
        place = (batch.mask.cumsum(1) - 1).clamp(min=0)
        query, key, real = place[:, :, None], place[:, None], batch.mask.bool()

        def values(layer: int, heads: Any) -> Tensor:
            v = seen["v", layer].reshape(*batch.ids.shape, -1, model.d_head)  # [sample, position, kv head, d_head]
            own = [head * v.shape[2] // model.n_heads for head in heads]
            pattern = mean[layer, list(heads)][:, query, key].masked_fill(~real[:, None], 0.0)  # padding is no key
            return torch.einsum("csqk,skcd->csqd", pattern, v[:, :, own])

        return values

    return replacement


@torch.no_grad()
def _add(model: Model, batch: Batch, total: Tensor) -> None:
    """Add every text's pattern to total [layer, head, query, key], layer by layer in one pass."""
    real = batch.mask.bool()

    def add(layer: int, patterns: Tensor) -> None:
        for pattern, here in zip(patterns, real, strict=True):
            length = int(here.sum())
            total[layer, :, :length, :length] += pattern[:, here][:, :, here].double().cpu()

    with hooked([after(model.hook_point("pattern", i), partial(add, i)) for i in range(model.n_layers)]):
        model.states(batch)
