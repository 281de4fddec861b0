"""How a router's output may be read: as a list of experts, as weights, or as logits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_MOST = 16  # experts per token that are tried where a router returns nothing but logits

Read = Callable[[Any], tuple[Tensor, Tensor | None]]
"""What a router returned to (index [token, k] int64, weight [token, k] or None)."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A way to read a router's output, which may be wrong.

    Attributes:
        per_token: experts of each token.
        read: output to (index [token, k], weight [token, k] or None).
        part: the place of the weights in the output; None where it has none.
        sure: the output names experts; False where logits are taken for scores of which the k largest win.
    """

    per_token: int
    read: Read
    part: int | None
    sure: bool


def parts_of(output: Any) -> list[Any]:
    """The tensors that a module returns side by side."""
    return list(output) if isinstance(output, tuple | list) else [output]


def _rows(part: Any, tokens: int, width: int | None = None) -> Tensor | None:
    """A part as [token, width]; None where it has no such shape."""
    if not isinstance(part, Tensor) or part.dim() < 2 or part.numel() != tokens * part.shape[-1]:
        return None
    return part.reshape(tokens, -1) if width in (None, part.shape[-1]) else None


def readings(output: Any, tokens: int, experts: int) -> list[Reading]:
    """Every way to read from a module's output which experts each token takes.

    Args:
        output: what it returned for the probe.
        tokens: of the probe.
        experts: how many there are.
    """
    ways = []
    parts = parts_of(output)
    for place, part in enumerate(parts):
        rows = _rows(part, tokens)
        if rows is None:
            continue
        if rows.dtype in (torch.int32, torch.int64):
            if rows.shape[1] <= experts and _distinct(rows, experts):
                weights = [i for i, other in enumerate(parts) if _floats(_rows(other, tokens, rows.shape[1]))]
                ways.append(_listed(place, weights[0] if len(weights) == 1 else None, rows.shape[1]))
        elif _floats(rows) and rows.shape[1] == experts:
            taken = (rows != 0).sum(1)
            count = int(taken[0])
            if 0 < count < experts and bool((taken == count).all()):
                ways.append(_scattered(place, count, part_of_weights=place))
            ways += [_scattered(place, k, part_of_weights=None) for k in range(1, min(experts, _MOST + 1))]
    return ways


def _floats(rows: Tensor | None) -> bool:
    return rows is not None and rows.is_floating_point()


def _distinct(rows: Tensor, experts: int) -> bool:
    if int(rows.min()) < 0 or int(rows.max()) >= experts:
        return False
    ordered = rows.sort(1).values
    return bool((ordered[:, 1:] != ordered[:, :-1]).all())


def _listed(place: int, weights: int | None, count: int) -> Reading:
    """The output lists each token's experts, and perhaps their weights."""

    def read(output: Any) -> tuple[Tensor, Tensor | None]:
        parts = parts_of(output)
        index = parts[place].reshape(-1, count).long()
        return index, None if weights is None else parts[weights].reshape(-1, count)

    return Reading(count, read, weights, sure=True)


def _scattered(place: int, count: int, *, part_of_weights: int | None) -> Reading:
    """The output has a number for every expert: weights that are zero but for the taken ones, or logits."""

    def read(output: Any) -> tuple[Tensor, Tensor | None]:
        values = parts_of(output)[place]
        values = values.reshape(-1, values.shape[-1])
        index = (values if part_of_weights is None else values.abs()).topk(count, dim=1).indices
        return index, None if part_of_weights is None else values.gather(1, index)

    return Reading(count, read, part_of_weights, sure=part_of_weights is not None)
