"""Write an adapter made of two: factors that are taken together, or stacked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadArgument
from workbench.merging.pair import Pair
from workbench.merging.recipes.adapters import A, B, Factors, adapter_config, factors_of, stacked
from workbench.merging.writing.merge import Dtype
from workbench.merging.writing.tensors import write_tensors
from workbench.model.loading.adapter import CONFIG
from workbench.model.loading.find import MERGE
from workbench.results.writing.whole_folder import whole_folder

Weights = Callable[[int | None], Mapping[str, float]]
"""Layer of a module (None outside the layers) to the weights of `task` and `language` there."""


def write_adapter(
    pair: Pair, out: str | Path, weights: Weights, record: Mapping[str, Any], *, dtype: Dtype | None
) -> Path:
    """Write an adapter whose modules change the model by weighted sums of what two adapters add.

    A module with one part of weight 1 has that adapter's factors, byte for byte; the others are stacked, in float32.

    Args:
        pair: of adapters.
        out: the folder.
        weights: by layer.
        record: stored as `merge.json`, with the origin of each module.
        dtype: None; factors have no other type than theirs, or float32 where they are stacked.

    Raises:
        BadArgument: no module is left, or `dtype` is given.
        BrokenModel, CannotWrite: as `write_model`.
    """
    if dtype is not None:
        raise BadArgument(
            f"dtype={dtype!r} is for whole models; factors of adapters stay in their type, or are stacked in float32"
        )
    parts = _parts(pair, weights)
    if not parts:
        raise BadArgument("no module of the adapters is left: both have weight 0 wherever they change the model")
    single = {module: own[0][0] for module, own in parts.items() if len(own) == 1 and own[0][1] == 1}
    layouts, scales = {}, {}
    for module, weighted in parts.items():
        rank = sum(factors.rank for factors, _ in weighted)
        scales[module] = rank, single[module].scale if module in single else 1.0
        for end, axis in ((A, 0), (B, 1)):
            stored = weighted[0][0].adapter.stored[module + end]
            shape = list(stored.shape)
            shape[axis] = rank
            layouts[module + end] = stored.dtype if module in single else "F32", tuple(shape)

    def pieces(name: str) -> Iterator[np.ndarray]:
        module, end = name[: -len(A)], name[-len(A) :]
        weighted = parts[module]
        both = single[module].read() if module in single else stacked(*zip(*weighted, strict=True))
        yield _bytes(both[end == B])

    like = pair.task
    origins = {
        module: " + ".join(f"{weight:g} {factors.adapter.name}" for factors, weight in weighted)
        for module, weighted in parts.items()
    }
    with whole_folder(out, sum(int(np.prod(shape)) * 4 for _, shape in layouts.values())) as folder:
        write_tensors(folder / "adapter_model.safetensors", layouts, pieces)
        for path in like.files:
            if path.name != CONFIG:
                shutil.copyfile(path, folder / path.name)
        (folder / CONFIG).write_text(json.dumps(adapter_config(like, scales), indent=2) + "\n", encoding="utf-8")
        (folder / MERGE).write_text(json.dumps({**record, "modules": origins}, indent=2) + "\n", encoding="utf-8")
    return Path(out)


def _parts(pair: Pair, weights: Weights) -> dict[str, list[tuple[Factors, float]]]:
    """Module to the factors that it is made of, with their weights."""
    parts: dict[str, list[tuple[Factors, float]]] = {}
    for role, expert in pair.experts.items():
        for factors in factors_of(expert):
            weight = weights(expert.group(factors.module + A)[0]).get(role, 0.0)
            if weight:
                parts.setdefault(factors.module, []).append((factors, weight))
    return parts


def _bytes(values: Tensor) -> np.ndarray:
    return values.contiguous().flatten().view(torch.uint8).numpy()
