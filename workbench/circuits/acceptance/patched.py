"""Heads and neurons that are ablated by patching: they give what they give in the pair's target run."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.model.forward.record import record
from workbench.model.forward.recording import stack
from workbench.model.forward.rerun import run_from_layer
from workbench.model.hooks import before, hooked
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.cells import read
from workbench.patching.engine.prompts import Prompts, batches, cells_at_once


def metric_keeping_only(
    model: Model,
    prompts: Prompts,
    metric: Metric,
    batch_size: int | str,
    sets: Mapping[str, np.ndarray],
) -> np.ndarray:
    """The metric [set, pair] of the source prompts; units outside a set are patched from the target run.

    Args:
        model: the model.
        prompts: pairs whose prompts have one length.
        metric: their metric.
        batch_size: of the pairs.
        sets: by kind, head or neuron, which units are left, [set, layer, unit] bool.
    """
    count = len(next(iter(sets.values())))
    values = np.empty((count, len(prompts)))
    sites = [(kind, layer) for kind in sets for layer in range(model.n_layers)]
    for batch in batches(model, prompts, batch_size):
        recording = record(model, batch.source, heads=True)
        patches: list[Tensor] = []
        with hooked([before(_module(model, *site), patches.append) for site in sites], once="patched units"):
            model.states(batch.target)
        columns = recording.n_positions
        size = cells_at_once(model, recording.n_samples, columns, columns)
        for start in range(0, count, size):
            some = {kind: torch.from_numpy(own[start : start + size]) for kind, own in sets.items()}
            copies = len(next(iter(some.values())))
            hooks = [
                before(_module(model, kind, layer), partial(_replaced, left=some[kind][:, layer], patch=patch))
                for (kind, layer), patch in zip(sites, patches, strict=True)
            ]
            with hooked(hooks, once="patched units"):
                states = run_from_layer(recording, 0, stack(recording.residual[0], copies), copies=copies)
            values[start : start + size, list(batch.rows)] = read(recording, metric, states).double().cpu().numpy()
    return values


def _module(model: Model, kind: str, layer: int) -> Any:
    """What reads the units of a layer: the output projection of heads, the down projection of neurons."""
    return model.attention_parts(layer)[1] if kind == "head" else model.bridge.blocks[layer].mlp.out


def _replaced(states: Tensor, *, left: Tensor, patch: Tensor) -> Tensor:
    """What the module reads, [copy * row, ..., width]: the patch [row, ..., width] where a unit is not `left`."""
    wide = left.to(states.device).repeat_interleave(states.shape[-1] // left.shape[1], 1)
    own = states.reshape(len(left), -1, states.shape[-1])
    return torch.where(wide[:, None], own, patch.reshape(1, -1, states.shape[-1])).reshape(states.shape)
