"""Put tensors of a loaded model back to those of another one, for a while."""

import re
from collections.abc import Collection, Iterator

import torch

from workbench.errors import BadArgument
from workbench.merging.groups import group_of
from workbench.model.forward.alone import alone_inside
from workbench.model.model import Model

_WRAPPED = re.compile(r"\b_?original_component\.")  # what wrapping puts into the names of parameters
_ATTENTION = re.compile(r"\battn\w*\.(?:qkv|[qkvo])\.|\bself_attention\.(?:qkv|[qkvo])\.")


def plain_name(name: str) -> str:
    """The name of a parameter in the model's files, without what wrapping puts into it."""
    return _WRAPPED.sub("", name)


def place_of(name: str) -> tuple[int | None, str]:
    """Layer and group of a parameter by its plain name; separate projections of wrapped attention by their own."""
    layer, group = group_of(name)
    match = _ATTENTION.search(name)
    return layer, match[0].rstrip(".").rpartition(".")[2] if layer is not None and match else group


def places_of(model: Model) -> dict[str, tuple[int | None, str]]:
    """Layer and group of every parameter of a loaded model.

    Fused projections of attention are wrapped as separate ones that share a group, `qkv`.
    """
    places = {name: place_of(plain_name(name)) for name, _ in model.module.named_parameters()}
    fused = {layer for layer, group in places.values() if group == "qkv"}
    return {
        name: (layer, "qkv" if layer in fused and group in ("q", "k", "v") else group)
        for name, (layer, group) in places.items()
    }


def require_same_parameters(expert: Model, base: Model) -> None:
    """Refuse two models whose parameters cannot take each other's places.

    Raises:
        BadArgument: names the first parameter that one lacks or has in another shape.
    """
    shapes = [{name: tuple(part.shape) for name, part in model.module.named_parameters()} for model in (expert, base)]
    if shapes[0] != shapes[1]:
        name = min(name for name in shapes[0] | shapes[1] if shapes[0].get(name) != shapes[1].get(name))
        sizes = [list(shape[name]) if name in shape else "missing" for shape in shapes]
        raise BadArgument(
            f"{plain_name(name)} is {sizes[0]} in {expert.name!r} and {sizes[1]} in {base.name!r}; give the "
            "model that the expert was tuned from"
        )


@alone_inside
def put_back(expert: Model, base: Model, names: Collection[str]) -> Iterator[None]:
    """Inside, these parameters of the expert are the base's; after it they are the expert's again, byte for byte."""
    parameters, originals = (dict(model.module.named_parameters()) for model in (expert, base))
    stored = {name: parameters[name].detach().clone() for name in names}
    try:
        with torch.no_grad():
            for name in names:
                parameters[name].copy_(originals[name])
        yield
    finally:
        with torch.no_grad():
            for name, values in stored.items():
                parameters[name].copy_(values)
