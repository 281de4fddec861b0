"""Columns: which positions of which cells packed states stand for, and the arguments of a layer for them.

Cells that start at different positions are packed one after another into one row: states [sample, column, d_model],
where a column is a position of a cell. A mask lets each column see the clean positions before its cell's start, and its
own cell's columns before it. So no cell computes a position that its change cannot reach.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from workbench.model.forward.recording import Recording, stack


class Columns:
    """The positions from each start on, one cell after the other; the batch may be stacked `copies` times besides.

    Attributes:
        positions: the position that each column stands for, [column].
        cells: the cell that it belongs to, [column].
        ends: the column of each cell's last position, [cell].
        known: clean positions whose keys and values are given.
    """

    def __init__(self, recording: Recording, starts: Sequence[int] = (0,), *, copies: int = 1):
        device, length = recording.model.device, recording.n_positions
        self.recording, self.starts, self.copies = recording, list(starts), copies
        self.positions = torch.cat([torch.arange(start, length, device=device) for start in starts])
        lengths = torch.tensor([length - start for start in starts], device=device)
        self.cells = torch.arange(len(self.starts), device=device).repeat_interleave(lengths)
        self.ends = lengths.cumsum(0) - 1
        self.known = max(self.starts)
        self._fitted: dict[int, Any] = {}

    @property
    def whole(self) -> bool:
        """Whether the columns are all positions of one cell."""
        return self.starts == [0]

    def fit(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The recorded arguments of a layer for these columns and copies.

        They are fitted by their shape, because their names differ; layers that share one share its fitted form.
        """
        fitted = {name: self._fit(name, value) for name, value in arguments.items()}
        if not self.whole and fitted.get("attention_mask") is None and self.recording.fused:
            fitted["attention_mask"] = self._allowed  # fused attention leaves a causal mask out
        return fitted

    def _fit(self, name: str, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._fit(name, part) for part in value)
        if not isinstance(value, Tensor):
            return value
        key = id(value)  # the recording keeps it alive
        if key not in self._fitted:
            self._fitted[key] = self._stacked(self._cut(name, value))
        return self._fitted[key]

    def _cut(self, name: str, value: Tensor) -> Tensor:
        """The positions that are run, of an argument of any shape."""
        if self.whole:
            return value
        length = self.recording.n_positions
        if name == "attention_mask" and value.dim() == 4:
            value = value[:, :, self.positions]
            if len(self.starts) == 1:
                return value
            value = value[..., self._keys]
            return value & self._allowed if value.dtype == torch.bool else self._closed(value)
        if value.dim() >= 2 and value.shape[1] == length:
            return value[:, self.positions]
        if value.dim() == 1 and value.shape[0] == length:
            return value[self.positions]
        if value.dim() == 3 and value.shape[1] == 1 and value.shape[2] == length:  # alibi, which is added to scores
            return value[..., self._keys]
        return value

    def _stacked(self, value: Tensor) -> Tensor:
        samples, heads = self.recording.n_samples, self.recording.model.n_heads
        rows = value.shape[0] if value.dim() >= 2 else 0
        if rows > 1 and rows in (samples, samples * heads):  # alibi has a row per sample and head
            return stack(value, self.copies)
        return value

    @cached_property
    def _keys(self) -> Tensor:
        """The position of each key: the clean ones, then the columns'."""
        return torch.cat([torch.arange(self.known, device=self.positions.device), self.positions])

    @cached_property
    def _allowed(self) -> Tensor:
        """Which key each column may attend to, [1, 1, column, key] bool."""
        starts = torch.tensor(self.starts, device=self.positions.device)[self.cells]
        clean = torch.arange(self.known, device=self.positions.device)[None] < starts[:, None]
        own = (self.cells[:, None] == self.cells[None]) & (self.positions[:, None] >= self.positions[None])
        return torch.cat([clean, own], 1)[None, None]

    def _closed(self, scores: Tensor) -> Tensor:
        return scores.masked_fill(~self._allowed, torch.finfo(scores.dtype).min)


class PrefixCache:
    """Stands in for a layer's key-value cache: gives the clean keys and values of the positions before the columns."""

    is_compileable = False

    def __init__(self, keys_values: tuple[Tensor, Tensor], columns: Columns):
        self.keys_values, self.columns = keys_values, columns

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """The clean prefix followed by the columns', for every stacked copy."""
        known, copies = self.columns.known, self.columns.copies
        return tuple(
            torch.cat([stack(past[:, :, :known], copies), new], 2)
            for past, new in zip(self.keys_values, (keys, values), strict=True)
        )  # type: ignore[return-value]

    def get_seq_length(self, *args: Any) -> int:
        """Number of positions that are already known."""
        return self.columns.known
