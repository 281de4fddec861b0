"""GQA layout: where the query heads that stay go, when key and value heads are shared."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Slot = tuple[int | None, list[int]]
"""A key/value head (None: an empty one) and the query heads, counted within its group, that read it."""


def layout(
    keep: np.ndarray, allowed: Callable[[int, int], bool] = lambda heads, kv_heads: True
) -> tuple[int, list[list[Slot]]]:
    """Where the heads to keep go: query heads per key/value head, and the slots of each layer.

    Every layer has as many slots as the layer that needs most. Of all widths the one that takes fewest parameters is
    chosen: a wide slot is half empty where few of a group's query heads stay, narrow slots repeat a key/value head.

    `keep` is [layer, key/value head, query head of it] bool; `allowed` says whether the architecture takes numbers of
    query and key/value heads; those of the whole model are taken where nothing smaller is.
    """
    ways = []
    for width in range(1, keep.shape[2] + 1):
        needed = max(1, int(np.ceil(keep.sum(2) / width).sum(1).max()))
        # q and o for each query head, k and v for each key/value head
        ways += [(slots * (width + 1), -width, slots) for slots in range(needed, keep.shape[1] * keep.shape[2] + 1)]
    whole = (keep.shape[1] * (keep.shape[2] + 1), -keep.shape[2], keep.shape[1])
    _, width, needed = next((way for way in sorted(ways) if allowed(-way[1] * way[2], way[2])), whole)
    width = -width
    slots: list[list[Slot]] = []
    for layer in keep:
        filled: list[Slot] = []
        for group, members in enumerate(layer):
            heads = np.flatnonzero(members).tolist()
            filled += [(group, heads[i : i + width]) for i in range(0, len(heads), width)]
        slots.append(filled + [(None, [])] * (needed - len(filled)))
    return width, slots


def rows_of(slots: list[Slot], width: int, group: int, d_head: int) -> dict[str, Tensor]:
    """Old rows that make up the new ones, -1 for an empty row: of q (and o's columns), and of k and v."""
    q = [
        kv * group + heads[i] if kv is not None and i < len(heads) else -1 for kv, heads in slots for i in range(width)
    ]

    def wide(heads: list[int]) -> Tensor:
        index = torch.tensor(heads)[:, None]
        return torch.where(index < 0, -1, index * d_head + torch.arange(d_head)).flatten()

    return {"q": wide(q), "kv": wide([-1 if kv is None else kv for kv, _ in slots])}
