"""Write what a merge gives: each tensor from its source, with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from workbench.errors import BadArgument, NotFinite
from workbench.merging.checkpoint import DTYPES, Checkpoint
from workbench.merging.recipes.sources import Source
from workbench.merging.writing.folder import Layouts, write_model
from workbench.merging.writing.tensors import size_of
from workbench.results.writing.whole_folder import check_target

Dtype = Literal["float32", "bfloat16", "float16"]
"""Types that a merged model can be stored in."""

_NAMES = {str(dtype).removeprefix("torch."): name for name, dtype in DTYPES.items()}


def write_merge(
    out: str | Path,
    like: Checkpoint,
    sources: Mapping[str, Source],
    origins: Mapping[str, str],
    record: Mapping[str, Any],
    *,
    dtype: Dtype | None,
    members: Sequence[Checkpoint],
    progress: bool,
) -> Path:
    """Write a model folder whose tensors come from named sources.

    Args:
        out: the folder.
        like: the model whose config, tokenizer and files are copied.
        sources: by the names in `origins`.
        origins: name of each tensor to its source.
        record: method, parameters and members, as of `record_of`.
        dtype: of the weights; None: the one that all members have.
        members: the models that are read.
        progress: show a progress bar.

    Raises:
        BadArgument: the members have several types, and none is given.
        NotFinite: a weight that is NaN or infinite in that type.
        CannotWrite, BrokenModel: as `write_model` and the sources.
    """
    layouts = _layouts(like, dtype, members)

    def pieces(name: str) -> Iterator[np.ndarray]:
        target = DTYPES.get(layouts[name][0])
        for start, stop in like.pieces(name):
            if target is None:
                yield like.raw(name, start, stop)
                continue
            values = sources[origins[name]](name, start, stop).to(target)
            if not bool(torch.isfinite(values.sum(dtype=torch.float64))):
                raise NotFinite(f"{name} of the merged model has weights that are too large for {target}")
            yield values.view(torch.uint8).numpy()

    tensors = {name: origins[name] if layouts[name][0] in DTYPES else "same in all" for name in like.names}
    return write_model(out, like, layouts, pieces, {**record, "tensors": tensors}, progress=progress)


def check_merge(out: str | Path, like: Checkpoint, *, dtype: Dtype | None, members: Sequence[Checkpoint]) -> None:
    """Refuse what `write_merge` would refuse before it reads a weight; for a merge that takes long to compute.

    Raises:
        BadArgument, CannotWrite: as `write_merge`.
    """
    check_target(out, sum(size_of(*layout) for layout in _layouts(like, dtype, members).values()))


def record_of(method: str, members: Mapping[str, Checkpoint], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What `merge.json` says of a merge; `summary` is shown as the revision of the loaded model."""
    models = {role: {"name": member.name, "hash": member.digest} for role, member in members.items()}
    of = ", ".join(f"{role} {model['name']} ({model['hash'][:12]})" for role, model in models.items())
    return {"summary": f"{method} of {of}", "method": method, "parameters": dict(parameters), "models": models}


def _layouts(like: Checkpoint, dtype: Dtype | None, members: Sequence[Checkpoint]) -> Layouts:
    return {name: (_dtype_of(name, members, dtype), like.stored[name].shape) for name in like.names}


def _dtype_of(name: str, members: Sequence[Checkpoint], dtype: Dtype | None) -> str:
    types = {member.stored[name].dtype: member.name for member in members}
    if dtype is not None and types.keys() <= DTYPES.keys():
        return _NAMES[dtype]
    if len(types) > 1:
        given = " and ".join(f"{DTYPES[kind]} in {member!r}" for kind, member in types.items())
        raise BadArgument(f"{name} is {given}; give dtype='float32' or the type that the merged model is to have")
    return next(iter(types))
