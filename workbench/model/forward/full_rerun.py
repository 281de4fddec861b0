"""Full rerun: the whole model for every cell, in architectures whose layers cannot be called on their own.

As exact as a run from a layer on, but slower; `record` warns of it once.
"""

from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack
from workbench.model.hooks import before, hooked, on_call
from workbench.text.batches import Batch


def run(recording: Recording, layer: int, states: Tensor, columns: Columns, *, last: bool) -> Tensor:
    """What `rerun` gives for states [copies * sample, column, d_model] before a layer, in the same form."""
    samples, starts = recording.n_samples, columns.starts
    whole = stack(recording.residual[layer], columns.copies * len(starts)).clone()
    parts = states.split([recording.n_positions - start for start in starts], dim=1)
    rows = [
        slice(cell * samples * columns.copies, (cell + 1) * samples * columns.copies) for cell in range(len(starts))
    ]
    for own, start, part in zip(rows, starts, parts, strict=True):
        whole[own, start:] = part
    if layer < recording.model.n_layers:
        whole = run_whole(
            recording, columns.copies * len(starts), {recording.model.bridge.blocks[layer]: lambda x: whole}
        )
    return torch.cat([whole[own, -1 if last else start :] for own, start in zip(rows, starts, strict=True)], 1)


def replace_heads(recording: Recording, layer: int, heads: Sequence[int], values: Tensor, start: int) -> Tensor:
    """The final residual stream [cell, sample, position, d_model] with one head's output replaced per cell.

    Args:
        recording: the ordinary pass.
        layer: of all cells.
        heads: one per cell.
        values: [cell, sample, position from start, d_head].
        start: the first position that changes.
    """
    model, cells = recording.model, len(heads)

    def edit(z: Tensor) -> Tensor:
        each = z.clone().reshape(cells, recording.n_samples, recording.n_positions, model.n_heads, model.d_head)
        for cell, head in enumerate(heads):
            each[cell, :, start:, head] = values[cell]
        return each.reshape(z.shape)

    final = run_whole(recording, cells, {model.attention_parts(layer)[1]: edit})
    return rearrange(final, "(cell sample) position d_model -> cell sample position d_model", cell=cells)


def run_whole(recording: Recording, copies: int, edits: dict[Any, Any]) -> Tensor:
    """The final residual stream of the whole model on stacked copies of the batch, with modules' inputs edited."""
    model, batch = recording.model, recording.batch
    stacked = Batch(stack(batch.ids, copies), stack(batch.mask, copies), batch.languages * copies, batch.rows * copies)
    seen: list[Tensor] = []

    def change(edit: Any) -> Any:
        def hook(args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            if args:
                return (edit(args[0]), *args[1:]), named
            name = next(iter(named))  # a layer's first argument is its state
            return args, {**named, name: edit(named[name])}

        return hook

    hooks = [on_call(module, change(edit)) for module, edit in edits.items()]
    with hooked([*hooks, before(model.bridge.ln_final, seen.append)]):
        model.states(stacked)
    assert len(seen) == 1, "the final norm must run exactly once"
    return seen[0]
