"""Fused attention: the model's own scaled-dot-product attention wherever nobody looks at the pattern.

TransformerLens computes every attention pattern in full, so that it can be hooked. On long texts that costs several
times the whole forward pass. Inside `fused`, the wrapped module answers instead; head outputs pass the same hooks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench.model.model import Model


@contextmanager
def fused(model: Model, layers: range | None = None, *, on: bool = True) -> Iterator[None]:
    """For a while, attention in these layers (all by default) never forms its pattern, where the model can do so.

    Args:
        model: the model; without the ability `fused` nothing changes.
        layers: where.
        on: False leaves everything as it is.
    """
    if not (on and model.abilities.get("fused", False)):
        yield
        return
    before = model.config._attn_implementation
    replaced = [model.attention_parts(i)[0] for i in (range(model.n_layers) if layers is None else layers)]
    replaced = [module for module in replaced if "forward" not in module.__dict__]
    try:
        model.config._attn_implementation = "sdpa"
        for module in replaced:
            module.__dict__["forward"] = module.original_component.forward
        yield
    finally:
        model.config._attn_implementation = before
        for module in replaced:
            module.__dict__.pop("forward", None)


def attend(model: Model, layer: int, *, on: bool) -> Callable[..., Any]:
    """The forward of a layer's attention: fused where `on` and possible, else TransformerLens's own."""
    module = model.attention_parts(layer)[0]
    return module.original_component.forward if on and model.abilities.get("fused", False) else module.forward
