"""Run the cells of a batch of pairs, site by site: what the patch cannot reach is not computed again.

Each function yields (layer, columns, values [cell, pair], changed [cell, pair]) for `Table.put`: columns are positions
of the batch, heads or source layers; values are None where no run was needed.
"""

from collections.abc import Iterator, Sequence

import torch
from einops import rearrange
from torch import Tensor

from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording
from workbench.model.forward.rerun import replace_heads, replace_positions
from workbench.model.metrics import Metric
from workbench.patching.engine.prompts import cells_at_once

Cells = Iterator[tuple[int, list[int], Tensor | None, Tensor | None]]
_COLUMNS = 256  # of a pack of suffixes: wider ones spend more on scores than they save on calls


@torch.no_grad()
def read(recording: Recording, metric: Metric, states: Tensor) -> Tensor:
    """The metric of final states [cell, sample, position, d_model]; positions that were not run are the clean ones."""
    return metric.read(recording.model, all_read(recording, metric, states), recording.batch)


def all_read(recording: Recording, metric: Metric, states: Tensor) -> Tensor:
    """Those of final states [cell, sample, position, d_model] that a metric reads; where none was run, clean ones."""
    missing = recording.n_positions - states.shape[2]
    if metric.last:
        return states[:, :, -1:]
    if not missing:
        return states
    clean = recording.residual[-1][None, :, :missing].expand(states.shape[0], -1, -1, -1)
    return torch.cat([clean, states], 2)


def unpatched(recording: Recording, metric: Metric) -> Tensor:
    """The metric of the ordinary run, [sample]."""
    return read(recording, metric, recording.residual[-1][None])[0]


def positions(source: Recording, target: Recording, metric: Metric, *, after: bool) -> Cells:
    """Every layer and position: the source's state before (or after) the layer at that position."""
    real, layers = target.batch.mask.bool(), range(target.model.n_layers)
    pairs = [(source.residual[i + after], target.residual[i + after]) for i in layers]
    changed = torch.stack(
        [(a != b).any(-1) & real & reaches(target, i + after, metric) for i, (a, b) in zip(layers, pairs, strict=True)]
    )
    differ = changed.any(1)  # [layer, position]
    for layer in layers:
        if not differ[layer].all():
            yield layer, numbers(~differ[layer]), None, None
    for together in blocks(target, numbers(differ.any(0))):
        columns: dict[tuple[int, ...], Columns] = {}  # layers share what their columns need
        for layer, (given, own) in zip(layers, pairs, strict=True):
            block = [position for position in together if differ[layer, position]]
            if not block:
                continue
            if tuple(block) not in columns:
                columns[tuple(block)] = Columns(target, block)
            here = changed[layer][:, block].T
            values = torch.where(here[..., None], given[:, block].transpose(0, 1), own[:, block].transpose(0, 1))
            states = replace_positions(
                target, layer + after, block, values, last=metric.last, columns=columns[tuple(block)]
            )
            yield layer, block, read(target, metric, states), here


def heads(source: Recording, target: Recording, metric: Metric) -> Cells:
    """Every layer and head: the source's output of that head at all positions."""
    real = target.batch.mask.bool()[:, :, None]
    model = target.model
    differ = numbers((source.batch.ids != target.batch.ids).any(0))
    for layer in range(model.n_layers):
        if not differ:
            yield layer, list(range(model.n_heads)), None, None
            continue
        start = differ[0]
        given = source.z[layer]
        changed = ((given != target.z[layer]).any(-1) & real).any(1)  # [sample, head]
        size = cells_at_once(model, target.n_samples, target.n_positions - start, target.n_positions)
        for block in split(range(model.n_heads), size):
            values = rearrange(given[:, start:, block], "sample position head d_head -> head sample position d_head")
            states = replace_heads(target, layer, block, values, start=start, last=metric.last)
            yield layer, block, read(target, metric, states), changed[:, block].T


def layers(source: Recording, target: Recording, metric: Metric, position: int, *, after: bool) -> Cells:
    """Every target layer and source layer at one position, which counts from the end."""
    model = target.model
    column = target.n_positions + position
    given = torch.stack([source.residual[i + after][:, position] for i in range(model.n_layers)])
    size = cells_at_once(model, target.n_samples, target.n_positions - column, target.n_positions)
    for layer in range(model.n_layers):
        at = layer + after
        changed = (given != target.residual[at][:, column]).any(-1)  # [source layer, sample]
        changed &= reaches(target, at, metric)[column]
        for block in split(range(model.n_layers), size):
            if not changed[block].any():
                yield layer, block, None, None
                continue
            states = replace_positions(target, at, [column] * len(block), given[block], last=metric.last)
            yield layer, block, read(target, metric, states), changed[block]


def reaches(target: Recording, at: int, metric: Metric) -> Tensor:
    """Positions whose state before layer `at` can change the metric at all: [position] bool."""
    reaches = torch.ones(target.n_positions, dtype=torch.bool, device=target.batch.mask.device)
    if metric.last and at == target.model.n_layers:
        reaches[:-1] = False
    return reaches


def blocks(target: Recording, columns: list[int]) -> Iterator[list[int]]:
    """Neighbouring positions whose suffixes are run together, as many as save time and fit into memory."""
    block: list[int] = []
    for column in columns:
        suffix = target.n_positions - (block or [column])[0]
        most = cells_at_once(target.model, target.n_samples, suffix, target.n_positions)
        packed = sum(target.n_positions - start for start in [*block, column])
        if block and (packed > _COLUMNS or len(block) >= most):
            yield block
            block = []
        block.append(column)
    if block:
        yield block


def split(items: Sequence[int], size: int) -> Iterator[list[int]]:
    """Blocks of at most so many items."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def numbers(chosen: Tensor) -> list[int]:
    """Where a row of booleans is true."""
    return chosen.nonzero().flatten().tolist()
