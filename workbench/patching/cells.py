"""Run the cells of one batch of pairs, site by site: what the patch cannot reach is not computed again.

Each function yields (layer, columns, values [cell, pair], changed [cell, pair]) for `Table.put`: columns are positions
of the batch, heads or source layers; values are None where no run was needed.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from workbench.model.layers import Recording
from workbench.model.metrics import Metric
from workbench.model.rerun import replace_heads, replace_positions
from workbench.patching.prompts import cells_at_once

Cells = Iterator[tuple[int, list[int], Tensor | None, Tensor | None]]
_NEIGHBOURS = 8  # positions stacked: more would run more of the prefix than they share


def read(recording: Recording, metric: Metric, states: Tensor) -> Tensor:
    """The metric of final states [cell, sample, position, d_model]; positions that were not run are the clean ones."""
    missing = recording.n_positions - states.shape[2]
    if missing and not metric.last:
        clean = recording.residual[-1][None, :, :missing].expand(states.shape[0], -1, -1, -1)
        states = torch.cat([clean, states], 2)
    return metric.read(recording.model, states, recording.batch)


def unpatched(recording: Recording, metric: Metric) -> Tensor:
    """The metric of the ordinary run, [sample]."""
    states = recording.residual[-1]
    return read(recording, metric, (states[:, -1:] if metric.last else states)[None])[0]


def positions(source: Recording, target: Recording, metric: Metric, *, behind: bool) -> Cells:
    """Every layer and position: the source's state in front of (or behind) the layer at that position."""
    real = target.batch.mask.bool()
    for layer in range(target.model.n_layers):
        at = layer + behind
        given, own = source.residual[at], target.residual[at]
        changed = (given != own).any(-1) & real & _reaches(target, at, metric)
        columns = changed.any(0)
        if not columns.all():
            yield layer, _numbers(~columns), None, None
        for block in _blocks(target, _numbers(columns)):
            here = changed[:, block].T
            values = torch.where(here[..., None], given[:, block].transpose(0, 1), own[:, block].transpose(0, 1))
            states = replace_positions(target, at, block, values, last=metric.last)
            yield layer, block, read(target, metric, states), here


def heads(source: Recording, target: Recording, metric: Metric) -> Cells:
    """Every layer and head: the source's output of that head at all positions."""
    real = target.batch.mask.bool()[:, :, None]
    model = target.model
    differ = _numbers((source.batch.ids != target.batch.ids).any(0))
    for layer in range(model.n_layers):
        if not differ:
            yield layer, list(range(model.n_heads)), None, None
            continue
        start = differ[0]
        given = source.z[layer]
        changed = ((given != target.z[layer]).any(-1) & real).any(1)  # [sample, head]
        size = cells_at_once(model, target.n_samples, target.n_positions - start, target.n_positions)
        for block in _split(range(model.n_heads), size):
            values = given[:, start:, block].permute(2, 0, 1, 3)
            states = replace_heads(target, layer, block, values, start=start, last=metric.last)
            yield layer, block, read(target, metric, states), changed[:, block].T


def layers(source: Recording, target: Recording, metric: Metric, position: int, *, behind: bool) -> Cells:
    """Every target layer and source layer at one position, which counts from the end."""
    model = target.model
    column = target.n_positions + position
    given = torch.stack([source.residual[i + behind][:, position] for i in range(model.n_layers)])
    size = cells_at_once(model, target.n_samples, target.n_positions - column, target.n_positions)
    for layer in range(model.n_layers):
        at = layer + behind
        changed = (given != target.residual[at][:, column]).any(-1)  # [source layer, sample]
        changed &= _reaches(target, at, metric)[column]
        for block in _split(range(model.n_layers), size):
            if not changed[block].any():
                yield layer, block, None, None
                continue
            states = replace_positions(target, at, [column] * len(block), given[block], last=metric.last)
            yield layer, block, read(target, metric, states), changed[block]


def _reaches(target: Recording, at: int, metric: Metric) -> Tensor:
    """Positions whose state in front of layer `at` can change the metric at all: [position] bool."""
    reaches = torch.ones(target.n_positions, dtype=torch.bool, device=target.batch.mask.device)
    if metric.last and at == target.model.n_layers:
        reaches[:-1] = False
    return reaches


def _blocks(target: Recording, columns: list[int]) -> Iterator[list[int]]:
    """Neighbouring columns, as many at once as pay off and fit."""
    while columns:
        suffix = target.n_positions - columns[0]
        size = min(_NEIGHBOURS, cells_at_once(target.model, target.n_samples, suffix, target.n_positions))
        yield columns[:size]
        columns = columns[size:]


def _split(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _numbers(chosen: Tensor) -> list[int]:
    return chosen.nonzero().flatten().tolist()
