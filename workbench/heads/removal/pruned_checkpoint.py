"""Pruned checkpoints, which plain transformers loads, checked against the masked model."""

import copy
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.arguments import checked
from workbench.errors import BadArgument, BrokenModel, UnsupportedSite
from workbench.heads.groups import read_heads
from workbench.heads.removal.gqa_layout import layout, rows_of
from workbench.model.edits import edited
from workbench.model.effective_weights import input_first
from workbench.model.forward.alone import alone
from workbench.model.model import Model
from workbench.results.writing.whole_folder import whole_folder

_TOLERANCE = 1e-5  # of the largest logit, in float32


@dataclass(frozen=True)
class Smaller:
    """What was written.

    Attributes:
        folder: the checkpoint; `AutoModelForCausalLM.from_pretrained(folder)` loads it.
        removed: number of removed heads.
        physical: whether its matrices are smaller.
        note: what stays although its head is removed, and why; empty when nothing stays.
        heads: (query heads, key/value heads) of each layer of the new configuration.
        parameters: before and after.
        seconds: of one forward pass of 4 x 64 tokens (or the model's context), before and after; median of 5 pairs.
        difference: largest difference of logits to the masked model.
    """

    folder: Path
    removed: int
    physical: bool
    note: str
    heads: tuple[int, int]
    parameters: tuple[int, int]
    seconds: tuple[float, float]
    difference: float


@checked
@alone
def save_smaller(model: Model, heads: Iterable[Sequence[int]], folder: str | Path) -> Smaller:
    """Write a checkpoint without these heads, for plain transformers, and check it against the masked model.

    A configuration of transformers has one number of heads for all layers, so layers that keep fewer heads than the
    fullest one are filled up with empty heads. With shared keys and values, a key/value head stays while one of its
    query heads stays; where that takes fewer parameters, a key/value head is doubled to be read by fewer query heads
    each. Architectures whose head width is the model's width over the number of heads (GPT-2, OPT), or whose positions
    depend on that number (Bloom), cannot hold fewer heads: there the removed heads' rows of W_O are set to zero, and
    `note` says so.

    Args:
        model: the model; it is not changed.
        heads: (layer, head) pairs to remove, or a [layer, head] mask of them.
        folder: a new or empty folder; it appears whole or not at all.

    Raises:
        BadArgument: a head that does not exist (names the range), or a folder that is not empty.
        UnsupportedSite: the model has unmerged adapters or quantised weights, which plain transformers does not hold.
        BrokenModel: the new checkpoint's logits are not the masked model's.
        CannotWrite: what the system said.

    Source:
        Michel et al. 2019 (arXiv 1905.10650); Held and Yang 2022 for languages; GQA layout and check are ours.
    """
    removed = read_heads(heads, model.n_layers, model.n_heads)
    folder = new_folder(folder)
    plain, note = _plain_weights(model), ""
    small = _shrunk(model, plain, removed)
    if small is None:
        small = _scaled(model, plain, 1.0 - removed)
        note = (
            f"{model.architecture} ties its head width or positions to the number of heads: all matrices keep their "
            f"shape, and the {int(removed.sum())} removed heads' rows of W_O are zero"
        )
    else:
        empty = small.config.num_attention_heads * model.n_layers - int((~removed).sum())
        if empty:
            note = f"every layer has as many heads as the fullest: {empty} empty heads fill the others up"
    return _written(model, plain, small, folder, scales=1.0 - removed, note=note)


def save_scaled(model: Model, scales: np.ndarray, folder: str | Path) -> Smaller:
    """Write a checkpoint of the same shapes whose rows of W_O are multiplied by scales [layer, head]."""
    folder, plain = new_folder(folder), _plain_weights(model)
    module = _scaled(model, plain, scales)
    return _written(model, plain, module, folder, scales=scales, note="W_O holds the mask")


def _written(
    model: Model, plain: dict[str, Tensor], after: Any, folder: Path, *, scales: np.ndarray, note: str
) -> Smaller:
    """Check a module against the model with its heads scaled, write it, and report what changed."""
    before = _build(model, model.config, weights=plain)
    difference = _difference(model, after, scales)
    with whole_folder(folder, sum(tensor.nbytes for tensor in after.state_dict().values())) as new:
        after.save_pretrained(new)
        model.tokenizer.save_pretrained(new)
    config = after.config
    heads = (config.num_attention_heads, getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    whole, left = (sum(parameter.numel() for parameter in module.parameters()) for module in (before, after))
    removed, seconds = int((scales == 0).sum()), _timed(model, before, after)
    return Smaller(folder, removed, left < whole, note, heads, (whole, left), seconds, difference)


def new_folder(folder: str | Path) -> Path:
    """The folder, if it is new or empty; BadArgument otherwise."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadArgument(f"{folder} exists and is not empty; give a new folder")
    return folder


def _plain_weights(model: Model) -> dict[str, Tensor]:
    """The weights by the names of plain transformers, whose modules TransformerLens keeps inside its own."""
    if getattr(model.module, "quantization_method", None):
        raise UnsupportedSite(f"{model.name!r} is quantised: load it without quantization to write a smaller one")
    if any(hasattr(part, "base_layer") for part in model.module.modules()):
        raise UnsupportedSite(
            f"{model.name!r} has adapters that are not merged, which a smaller checkpoint cannot hold: load it with "
            "merge=True (in memory: pass model.merge_and_unload())"
        )
    wanted = _build(model, model.config).state_dict()
    has = {name.replace("_original_component.", ""): value for name, value in model.module.state_dict().items()}
    lost = [name for name in wanted if name not in has]
    if lost:
        raise BrokenModel(f"{model.name!r} cannot be written as plain transformers: {lost[0]} is missing")
    return {name: has[name].detach() for name in wanted}


def _build(model: Model, config: Any, *, weights: dict[str, Tensor] | None = None) -> Any:
    """A module of the model's own class, in evaluation mode and the model's dtype; without weights, only its shape."""
    with torch.device("meta" if weights is None else model.device):
        module = type(model.module)(copy.deepcopy(config)).to(model.dtype).eval()
    if weights is not None:
        module.load_state_dict(weights)
    return module


def _names(model: Model, plain: dict[str, Tensor], layer: int) -> dict[str, str]:
    """Names of a layer's plain q, k, v and o weights, by their address in memory; fused ones are absent."""
    places = {value.data_ptr(): name for name, value in plain.items() if value.dim() == 2}
    attention = model.attention_parts(layer)[0]
    names = {}
    for part in "qkvo":
        module = getattr(attention, part, None)
        weight = getattr(getattr(module, "original_component", module), "weight", None)
        if weight is not None and weight.data_ptr() in places:
            names[part] = places[weight.data_ptr()]
    return names


def _scaled(model: Model, plain: dict[str, Tensor], scales: np.ndarray) -> Any:
    """The same shapes, with each head's rows of W_O multiplied by its scale."""
    weights = dict(plain)
    for layer in np.flatnonzero((scales != 1).any(1)):
        name = _names(model, plain, int(layer))["o"]
        projection = model.attention_parts(int(layer))[1].original_component
        weight = weights[name].clone()
        rows = input_first(projection, weight)  # a view: [head x d_head, d_model]
        for head in np.flatnonzero(scales[layer] != 1):
            rows[head * model.d_head : (head + 1) * model.d_head] *= scales[layer, head]
        weights[name] = weight
    return _build(model, model.config, weights=weights)


def _shrunk(model: Model, plain: dict[str, Tensor], removed: np.ndarray) -> Any | None:
    """A module with fewer heads, or None where the architecture cannot hold them."""
    names = [_names(model, plain, layer) for layer in range(model.n_layers)]
    if any(set(by_part) != set("qkvo") for by_part in names):
        return None
    kv_heads = plain[names[0]["k"]].shape[0] // model.d_head
    keep = (~removed).reshape(model.n_layers, kv_heads, -1)
    width, slots = layout(keep, lambda heads, kv: _configured(model, heads, kv) is not None)
    config = _configured(model, len(slots[0]) * width, len(slots[0]))
    weights = dict(plain)
    for layer, by_part in enumerate(names):
        rows = rows_of(slots[layer], width, keep.shape[2], model.d_head)
        for part in "qkv":
            for name in (by_part[part], by_part[part].removesuffix("weight") + "bias"):
                if name in weights:
                    weights[name] = _taken(weights[name], rows["q" if part == "q" else "kv"])
        weights[by_part["o"]] = _taken(weights[by_part["o"]].t(), rows["q"]).t().contiguous()
    try:
        return _build(model, config, weights=weights)
    except (ValueError, RuntimeError):  # the class refuses, or other tensors depend on the number of heads
        return None


def _configured(model: Model, heads: int, kv_heads: int) -> Any | None:
    """The model's configuration with other numbers of heads, or None where its class refuses to save such a one."""
    config = copy.deepcopy(model.config)
    config.num_attention_heads, config.num_key_value_heads, config.head_dim = heads, kv_heads, model.d_head
    try:
        if hasattr(config, "validate"):  # Llama's wants the width to be a multiple of the number of heads
            config.validate()
    except Exception:  # each library has its own class of error for this
        return None
    return config


def _taken(values: Tensor, rows: Tensor) -> Tensor:
    taken = values[rows.clamp(min=0).to(values.device)].clone()
    taken[(rows < 0).to(values.device)] = 0
    return taken


@torch.no_grad()
def _difference(model: Model, small: Any, scales: np.ndarray) -> float:
    """Largest difference of logits to the masked model on random tokens; BrokenModel where it is more than rounding."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.n_vocabulary, (2, min(24, model.n_context)), generator=generator).to(model.device)
    with edited(model, heads=torch.from_numpy(scales)):
        expected = model.module(input_ids=ids, use_cache=False).logits.float()
    logits = small(input_ids=ids, use_cache=False).logits.float()
    gap = float((logits - expected).abs().max())
    # In float32 rounding is far below; 16-bit types differ by their own step, some 2^-8, from any order of sums.
    bound = (_TOLERANCE if model.dtype == torch.float32 else 0.1) * max(1.0, float(expected.abs().max()))
    if not gap <= bound:
        raise BrokenModel(
            f"the smaller checkpoint's logits differ from the masked model's by {gap:.2g} (> {bound:.2g})"
        )
    return gap


@torch.no_grad()
def _timed(model: Model, before: Any, after: Any) -> tuple[float, float]:
    """Median seconds of a forward pass of both, run in turn so that other load slows both."""
    ids = torch.zeros(4, min(64, model.n_context), dtype=torch.long, device=model.device)
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(6):
        for module, times in zip((before, after), taken, strict=True):
            begun = time.perf_counter()
            module(input_ids=ids, use_cache=False)
            if ids.is_cuda:
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
    return tuple(float(np.median(times[1:])) for times in taken)  # type: ignore[return-value]  # the first warms up
