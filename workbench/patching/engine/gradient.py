"""Gradients of a metric with respect to activations: one forward and one backward pass, no parameter's gradient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadArgument, NotFinite, UnsupportedSite
from workbench.model.forward.fused_attention import fused
from workbench.model.forward.layers import call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording
from workbench.model.gradients import frozen
from workbench.model.hooks import Hook, StopForward, after, before, hooked, on_call
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.cells import all_read
from workbench.text.batches import Batch


@dataclass
class Gradients:
    """Activations of a run, at the positions that were run, and the slope of its metric there.

    Attributes:
        value: the metric, [sample].
        residual: before each layer and, last, after all, [sample, position, d_model].
        residual_slope: d metric / d residual, the same shapes.
        at: by site and layer, the requested activations: [sample, position, unit, d_head] of heads, q, k and
            v, [sample, position, neuron] of neurons.
        slope: d metric / d them, the same shapes.
    """

    value: Tensor
    residual: list[Tensor]
    residual_slope: list[Tensor]
    at: dict[str, list[Tensor]]
    slope: dict[str, list[Tensor]]


def embedded(model: Model, batch: Batch) -> Tensor:
    """The input of the first layer, [sample, position, d_model]; no layer is run."""
    inputs: list[Tensor] = []

    def stop(args: tuple[Any, ...], named: dict[str, Any]) -> None:
        inputs.append(args[0] if args else named["hidden_states"])
        raise StopForward

    with hooked([on_call(model.bridge.blocks[0], stop)]), torch.no_grad():
        model.states(batch.to(model.device))
    return inputs[0]


def activation_gradients(
    recording: Recording,
    states: Tensor,
    metric: Metric,
    batch: Batch,
    *,
    start: int = 0,
    sites: Sequence[str] = (),
) -> Gradients:
    """Run the layers and differentiate a metric with respect to activations.

    Positions before `start` are not run: their keys and values are the recording's, so they must be the same in both.

    Args:
        recording: a pass over prompts of these lengths; `start` above 0 needs its keys and values.
        states: the input of the first layer, [sample, position from start, d_model].
        metric: the metric.
        batch: the prompts that are run, on the model's device.
        start: first position that is run.
        sites: differentiate with respect to these too: `head`, `neuron`, and, if the recording has `patterns=True`,
            `q`, `k` and `v`.

    Raises:
        UnsupportedSite: a site is no part of what the model computes.
        NotFinite: a value or slope is NaN or infinite.
        BadArgument: the metric has no gradient.
    """
    model, columns = recording.model, Columns(recording, [start])
    entered: list[Tensor] = []
    seen: dict[str, list[Tensor]] = {site: [] for site in sites}
    hooks = [_collect(model, site, layer, seen[site]) for site in sites for layer in range(model.n_layers)]
    with hooked(hooks), torch.enable_grad(), frozen(model), fused(model, on=recording.fused):
        hidden = states.detach().requires_grad_(True)
        for layer in range(model.n_layers):
            entered.append(hidden)
            hidden = call_layer(recording, layer, hidden, columns)
        entered.append(hidden)
        value = metric.read(model, all_read(recording, metric, hidden[None]), batch)[0]
        if not value.requires_grad:
            raise BadArgument(f"metric {metric.name!r} has no gradient; patching.sweep takes metrics without one")
        parts = [*entered, *(part for site in sites for part in seen[site])]
        slopes = torch.autograd.grad(value.sum(), parts, allow_unused=True)
    for site, activations in seen.items():
        if len(activations) != model.n_layers or any(slope is None for slope in slopes):
            raise UnsupportedSite(f"{model.name!r} ({model.architecture}) computes without its hooks of {site!r}")
    if not bool(torch.isfinite(value).all()) or not bool(torch.isfinite(slopes[0]).all()):
        raise NotFinite(f"the metric of {model.name!r} or its slope is NaN or infinite")
    rest = iter(slopes)

    def shaped(site: str, values: Tensor) -> Tensor:
        """OPT merges rows and positions."""
        rows = values.detach().reshape(*states.shape[:2], -1)
        return rows if site == "neuron" else rows.unflatten(-1, (-1, model.d_head))

    return Gradients(
        value.detach(),
        [state.detach() for state in entered],
        [next(rest) for _ in entered],
        {site: [shaped(site, part) for part in activations] for site, activations in seen.items()},
        {site: [shaped(site, next(rest)) for _ in activations] for site, activations in seen.items()},
    )


def _collect(model: Model, site: str, layer: int, into: list[Tensor]) -> Hook:
    """A hook that collects the activation at a site of a layer, with its graph."""
    if site not in ("head", "neuron"):
        return after(model.hook_point(site, layer), into.append)
    model.require(site)
    part = model.attention_parts(layer)[1] if site == "head" else model.bridge.blocks[layer].mlp.out
    return before(part, into.append)
