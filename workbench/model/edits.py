"""Edits: temporarily scale or replace head outputs and neuron activations in every forward pass."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.alone import alone_inside
from workbench.model.hooks import Hook, before, hooked
from workbench.model.model import Model


@alone_inside
def edited(
    model: Model,
    *,
    heads: Tensor | None = None,
    head_fill: Tensor | None = None,
    neurons: Tensor | None = None,
    neuron_fill: Tensor | None = None,
) -> Iterator[None]:
    """Inside, an output x of a head or neuron becomes fill + (x - fill) * scale at every position.

    A scale of 0 replaces by the fill (zero ablation, or mean ablation with means as fill), 1 changes nothing, above 1
    amplifies. It applies however the model is run: forward passes, recordings, reruns, gradients, generation.
    Layers whose scales are all 1 are not touched.

    Args:
        model: the model.
        heads: scales of head outputs z (before W_O), [layer, head], or one for each row of the batch that will be
            run, [row, layer, head].
        head_fill: [layer, head, d_head]; zero when None.
        neurons: scales of MLP activations (what the down projection reads), [layer, neuron] or [row, layer, neuron].
        neuron_fill: [layer, neuron]; zero when None.

    Raises:
        BadArgument: a shape that does not fit the model.
        UnsupportedSite: edits there do not work in this architecture, or did not fire once in each layer and pass.
    """
    hooks: list[Hook] = []
    fired: dict[str, int] = {}

    def hook(name: str, module: Any, scale: Tensor, fill: Tensor | None) -> None:
        fired[name] = 0

        def change(values: Tensor) -> Tensor:
            fired[name] += 1
            return _scaled(values, scale, fill)

        hooks.append(before(module, change))

    if heads is not None:
        model.require("head")
        scales = _checked(model, "heads", heads, model.n_heads)
        for i in touched(scales):
            fill = None if head_fill is None else head_fill[i].to(scales).flatten()
            wide = scales[:, i].repeat_interleave(model.d_head, 1)
            hook(f"head outputs of layer {i}", model.attention_parts(i)[1], wide, fill)
    if neurons is not None:
        model.require("neuron")
        scales = _checked(model, "neurons", neurons, model.n_neurons)
        for i in touched(scales):
            fill = None if neuron_fill is None else neuron_fill[i].to(scales)
            hook(f"neurons of layer {i}", model.bridge.blocks[i].mlp.out, scales[:, i], fill)
    with hooked(hooks):
        yield
    if len(set(fired.values())) > 1:
        raise UnsupportedSite(f"an edit ran more often in one layer than in another of {model.name!r}: {fired}")


def touched(scales: Tensor) -> list[int]:
    """Layers in which a scale [row, layer, unit] is not 1."""
    return (scales != 1).any(2).any(0).nonzero().flatten().tolist()


def _checked(model: Model, what: str, scales: Tensor, units: int) -> Tensor:
    """Scales as [row or 1, layer, unit] on the model's device."""
    scales = torch.as_tensor(scales, dtype=model.dtype, device=model.device)
    if scales.dim() not in (2, 3) or tuple(scales.shape[-2:]) != (model.n_layers, units):
        raise BadArgument(
            f"{what} has shape {list(scales.shape)}; {model.name!r} takes [{model.n_layers}, {units}] "
            f"or [row, {model.n_layers}, {units}]"
        )
    return scales if scales.dim() == 3 else scales[None]


def _scaled(values: Tensor, scale: Tensor, fill: Tensor | None) -> Tensor:
    """Values [row, position, unit] scaled towards the fill; scale is [row or 1, unit]."""
    rows = scale.shape[0]
    if values.dim() == 3 and rows not in (1, values.shape[0]):
        raise BadArgument(f"scales of {rows} rows do not fit a batch of {values.shape[0]} rows")
    each = values.reshape(rows, -1, values.shape[-1])  # OPT merges rows and positions
    scale = scale[:, None]
    each = each * scale if fill is None else fill + (each - fill) * scale
    return each.reshape(values.shape)
