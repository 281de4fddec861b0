"""Gradients of a metric with respect to activations: one forward and one backward pass, no parameter's gradient."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.errors import NotFinite, UnsupportedSite
from workbench.model.attention import fused
from workbench.model.columns import Columns
from workbench.model.gradient import frozen
from workbench.model.layers import call_layer
from workbench.model.metrics import plain_unembedding, unembed
from workbench.model.model import Model
from workbench.model.recording import Recording
from workbench.patching.graph import INSIDE
from workbench.text.batches import Batch

Slope = Callable[[Model, Tensor], Tensor]


@dataclass
class Gradients:
    """Activations of a run, at the positions that were run, and the slope of its metric there.

    Attributes:
        value: the metric, [sample].
        residual: per layer and, last, behind all, [sample, position, d_model].
        residual_slope: d metric / d residual, the same shapes.
        z: heads' outputs per layer, [sample, position, head, d_head]; empty unless asked for.
        z_slope: d metric / d z, the same shapes.
        inside_slope: d metric / d q, k and v by the site's name, [sample, position, head or kv_head, d_head] per layer;
            empty unless asked for.
    """

    value: Tensor
    residual: list[Tensor] = field(default_factory=list)
    residual_slope: list[Tensor] = field(default_factory=list)
    z: list[Tensor] = field(default_factory=list)
    z_slope: list[Tensor] = field(default_factory=list)
    inside_slope: dict[str, list[Tensor]] = field(default_factory=dict)


def difference(answers: list[int], foils: list[int]) -> Slope:
    """The logit of each sample's answer minus its foil's, of normed last states [sample, d_model] to [sample].

    Only two rows of the unembedding are used where the head is no more than a matrix.
    """

    def read(model: Model, hidden: Tensor) -> Tensor:
        weight = plain_unembedding(model)
        if weight is not None:
            return (hidden * (weight[answers] - weight[foils])).sum(-1).float()
        logits = unembed(model, hidden).float()
        rows = range(len(answers))
        return logits[rows, answers] - logits[rows, foils]

    return read


def probability(answers: list[list[int]]) -> Slope:
    """The summed probability of each sample's answer tokens, of normed last states [sample, d_model] to [sample]."""

    def read(model: Model, hidden: Tensor) -> Tensor:
        probabilities = unembed(model, hidden).float().softmax(-1)
        return torch.stack([probabilities[row, tokens].sum() for row, tokens in enumerate(answers)])

    return read


def embedded(model: Model, batch: Batch) -> Tensor:
    """What the first layer is given, [sample, position, d_model]; no layer is run."""
    found: list[Tensor] = []

    def stop(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found.append(args[0] if args else kwargs["hidden_states"])
        raise _EmbeddedError

    handle = model.bridge.blocks[0].register_forward_pre_hook(stop, with_kwargs=True)
    try:
        with torch.no_grad():
            model.states(batch.to(model.device))
    except _EmbeddedError:
        pass
    finally:
        handle.remove()
    return found[0]


class _EmbeddedError(Exception):
    """Leaves a model in front of its first layer."""


def activation_gradients(
    recording: Recording, states: Tensor, read: Slope, *, start: int = 0, heads: bool = False, inside: bool = False
) -> Gradients:
    """Run the layers and differentiate a metric of the last position with respect to activations.

    Positions before `start` are not run: their keys and values are the recording's, so they must be the same in both.

    Args:
        recording: a pass over prompts of these lengths; `start` above 0 needs its keys and values.
        states: what the first layer is given, [sample, position from start, d_model].
        read: the metric, of the normed last states.
        start: first position that is run.
        heads: differentiate with respect to the heads' outputs too.
        inside: and with respect to q, k and v; the recording has `patterns=True`.

    Raises:
        UnsupportedSite: the model's q, k or v are no part of what it computes.
        NotFinite: a value or slope is NaN or infinite.
    """
    model, columns = recording.model, Columns(recording, [start])
    layers, outputs, entered = range(model.n_layers), [], []
    seen: dict[str, list[Tensor]] = {site: [] for site in (INSIDE if inside else ())}
    handles = [
        model.hook_point(site, i).register_forward_hook(
            lambda module, args, output, site=site: seen[site].append(output)
        )
        for site in seen
        for i in layers
    ]
    if heads:
        model.require("head")
        handles += [
            model.attention_parts(i)[1].register_forward_pre_hook(lambda module, args: outputs.append(args[0]))
            for i in layers
        ]
    try:
        with torch.enable_grad(), frozen(model), fused(model, on=recording.fused):
            hidden = states.detach().requires_grad_(True)
            for layer in layers:
                entered.append(hidden)
                hidden = call_layer(recording, layer, hidden, columns)
            entered.append(hidden)
            value = read(model, model.bridge.ln_final(hidden[:, -1]))
            parts = [*entered, *outputs, *(one for site in seen for one in seen[site])]
            slopes = torch.autograd.grad(value.sum(), parts, allow_unused=inside)
    finally:
        for handle in handles:
            handle.remove()
    assert len(outputs) == (model.n_layers if heads else 0), "every layer's heads must have been seen exactly once"
    if not bool(torch.isfinite(value).all()) or not bool(torch.isfinite(slopes[0]).all()):
        raise NotFinite(f"the metric of {model.name!r} or its slope is NaN or infinite")
    if any(slope is None for slope in slopes) or any(len(found) != model.n_layers for found in seen.values()):
        raise UnsupportedSite(f"{model.name!r} ({model.architecture}) computes without its hooks of q, k and v")
    shape = (*states.shape[:2], -1, model.d_head)
    rest = iter(slopes)
    return Gradients(
        value.detach(),
        [one.detach() for one in entered],
        [next(rest) for _ in entered],
        [one.detach().reshape(shape) for one in outputs],
        [next(rest).reshape(shape) for _ in outputs],
        {site: [next(rest).reshape(shape) for _ in seen[site]] for site in seen},
    )
