"""Mask files: a few hundred bytes with the factor of each trained head, and the model it belongs to."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadArgument, BadResult
from workbench.heads.removal.pruned_checkpoint import Smaller, save_scaled
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.files import write_whole
from workbench.results.make import provenance

_FORMAT = 1


@checked
def save_mask(result: xr.Dataset, path: str | Path) -> Path:
    """Write the trained entries of a mask as JSON, with the hash of their model.

    Raises:
        BadResult: not a result of `tune_mask`.
        CannotWrite: what the system said.
    """
    if not {"mask", "chosen"} <= set(result.data_vars):
        raise BadResult(f"save_mask takes a result of tune_mask; this one has: {', '.join(map(str, result))}")
    mask, chosen = result["mask"].to_numpy(), result["chosen"].to_numpy()
    model = provenance(result).get("model") or {}
    cells = [[int(layer), int(head), round(float(mask[layer, head]), 6)] for layer, head in np.argwhere(chosen)]
    header = {"format": _FORMAT, "model": model.get("name"), "hash": model.get("hash"), "shape": list(mask.shape)}
    return write_whole(path, json.dumps({**header, "heads": cells}, ensure_ascii=False, separators=(",", ":")))


@checked
@alone
def load_mask(model: Model, path: str | Path) -> torch.Tensor:
    """The mask of a file, [layer, head], 1 where nothing was trained; what `edited(model, heads=...)` takes.

    Raises:
        BadResult: missing, broken, newer, or the file of another model.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        shape, cells = tuple(content["shape"]), content["heads"]
        newer, digest, name = content["format"] > _FORMAT, content["hash"], content["model"]
        layers, heads = (int(size) for size in shape)
        values = [_cell(cell, layers, heads) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        reason = str(error)[:200] if isinstance(error, ValueError) else type(error).__name__
        raise BadResult(f"{path} is not a mask file ({reason}); save_mask writes one") from error
    if newer:
        raise BadResult(f"{path} was written by a newer workbench (format {content['format']}); upgrade")
    if shape != (model.n_layers, model.n_heads) or digest != model.digest:
        raise BadResult(
            f"{path} belongs to another model: {str(name)[:80]!r} of {layers} layers x {heads} heads with other "
            f"weights than {model.name!r} ({model.n_layers} x {model.n_heads})"
        )
    mask = torch.ones(shape)
    for layer, head, value in values:
        mask[layer, head] = value
    return mask


def _cell(cell: Any, layers: int, heads: int) -> tuple[int, int, float]:
    """An entry of a file: a layer and a head that its shape has, and a finite number."""
    layer, head, value = cell
    there = type(layer) is int and type(head) is int and 0 <= layer < layers and 0 <= head < heads
    if not there or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{str(cell)[:80]} is no layer, head and finite number within {layers} x {heads}")
    return layer, head, float(value)


@checked
@alone
def fold_mask(model: Model, mask: torch.Tensor, folder: str | Path) -> Smaller:
    """Write a checkpoint for plain transformers whose W_O contains the mask, checked against the masked model.

    Args:
        model: the model; it is not changed.
        mask: [layer, head].
        folder: new or empty.

    Raises:
        BadArgument: a mask of another shape, or a folder that is not empty.
        BrokenModel: the logits are not those of the masked model.
        CannotWrite: what the system said.
    """
    scales = torch.as_tensor(mask).double().cpu().numpy()
    if scales.shape != (model.n_layers, model.n_heads) or not np.isfinite(scales).all():
        raise BadArgument(
            f"mask has shape {list(scales.shape)}; {model.name!r} takes finite numbers of "
            f"[{model.n_layers}, {model.n_heads}]"
        )
    return save_scaled(model, scales, folder)
