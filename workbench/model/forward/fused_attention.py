"""Fused attention: the model's own scaled-dot-product attention and norms wherever their inner values are not read.

TransformerLens computes every attention pattern in full, and every norm twice, so that they can be hooked. On long
texts that costs several times the whole forward pass. Inside `fused`, the original modules run instead; head
outputs pass the same hooks.
"""

from collections.abc import Callable, Iterator
from typing import Any

from workbench.model.forward.alone import alone_inside
from workbench.model.model import Model


@alone_inside
def fused(model: Model, *, on: bool = True) -> Iterator[None]:
    """Temporarily run attention without forming its pattern, where the model can, and compute norms once.

    A norm with a hook inside it, such as at `residual_mid`, stays as it is: the original module would not run the hook.

    Args:
        model: the model; without the ability `fused` its attention stays as it is.
        on: False leaves everything as it is.
    """
    if not on:
        yield
        return
    before = model.config._attn_implementation
    modules = [norm for norm in model.norms if not _hooked_inside(norm)]
    if model.abilities.get("fused", False):
        modules += [model.attention_parts(i)[0] for i in range(model.n_layers)]
        model.config._attn_implementation = "sdpa"
    modules = [module for module in modules if "forward" not in module.__dict__]
    try:
        for module in modules:
            module.__dict__["forward"] = module.original_component.forward
        yield
    finally:
        model.config._attn_implementation = before
        for module in modules:
            module.__dict__.pop("forward", None)


def _hooked_inside(norm: Any) -> bool:
    """Whether a part of a norm has a hook at the moment."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in norm.modules() if part is not norm)


def attend(model: Model, layer: int, *, on: bool) -> Callable[..., Any]:
    """The forward of a layer's attention: fused where `on` and possible, else TransformerLens's own."""
    module = model.attention_parts(layer)[0]
    return module.original_component.forward if on and model.abilities.get("fused", False) else module.forward
