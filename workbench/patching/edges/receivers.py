"""Receivers of a path: parse one, and run the model with a sender's change patched into it."""

from dataclasses import replace
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.fused_attention import fused
from workbench.model.forward.layers import call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack
from workbench.model.forward.rerun import run_from_layer
from workbench.model.model import Model
from workbench.patching.edges.graph import INSIDE, Node
from workbench.patching.engine.frozen_heads import PairRuns, heads_frozen_to
from workbench.patching.engine.layer_sites import count, edited

_WORKS = "'final', ('residual', layer), ('q', layer, head), ('k', layer, kv_head), ('v', layer, kv_head)"


def check_form(receiver: Any) -> tuple[Any, ...]:
    """The site of a receiver with its numbers, which may not exist in every model: ("final",) or ("q", 4, 2).

    Raises:
        BadArgument: not the form of a receiver; the message lists them.
    """
    if isinstance(receiver, str) and receiver == "final":
        return (receiver,)
    site, *numbers = receiver if isinstance(receiver, (tuple, list)) and receiver else ("",)
    wanted = {"residual": 1, "q": 2, "k": 2, "v": 2}.get(site if isinstance(site, str) else "", 0)
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    if not wanted or len(numbers) != wanted or not whole:
        raise BadArgument(f"receiver={receiver!r} is not a receiver (works: {_WORKS})")
    return (site, *numbers)


def parse(model: Model, receiver: Any) -> Node:
    """The receiver of an argument: `layer` is the first whose heads cannot send to it.

    Raises:
        BadArgument: no such receiver; the message lists them.
        UnsupportedSite: the architecture has no such site.
    """
    site, *numbers = check_form(receiver)
    if site == "final":
        return Node(site, model.n_layers)
    if not 1 <= numbers[0] < model.n_layers:
        raise BadArgument(f"receiver={receiver!r}: senders lie before it, so its layer is 1 to {model.n_layers - 1}")
    if site == "residual":
        return Node(site, numbers[0])
    if not 0 <= numbers[1] < count(model, site):
        raise BadArgument(f"receiver={receiver!r}: {model.name!r} has heads 0 to {count(model, site) - 1} of {site!r}")
    model.hook_point(site, numbers[0])
    return Node(site, numbers[0], numbers[1])


def patch_path(runs: PairRuns, end: Node, layer: int, heads: list[int], *, last: bool) -> Tensor:
    """The final residual stream with each head of a layer patched through the receiver alone.

    Returns:
        [head, sample, position, d_model], with `last` of the last position only.
    """
    target, copies = runs.target, len(heads)
    columns = Columns(target, copies=copies)
    index = torch.as_tensor(heads, device=target.model.device)
    states = stack(target.residual[layer], copies)
    for i in range(layer, end.layer):
        with heads_frozen_to(runs, i, copies, index if i == layer else None), fused(target.model, on=target.fused):
            states = call_layer(target, i, states, columns)
    if end.kind == "final":
        states = rearrange(states, "(copy sample) position d_model -> copy sample position d_model", copy=copies)
        return states[:, :, -1:] if last else states
    if end.kind in INSIDE:
        states = run_with_receiver_input(target, end, states, columns)
        return run_from_layer(replace(target, fused=True), end.layer + 1, states, copies=copies, last=last)
    return run_from_layer(target, end.layer, states, copies=copies, last=last)


def run_with_receiver_input(target: Recording, end: Node, states: Tensor, columns: Columns) -> Tensor:
    """The output of the receiver's layer in the target run, with q, k or v of one head made from `states`."""
    model = target.model
    shape = (-1, count(model, end.kind), model.d_head)
    seen: list[Tensor] = []
    with edited(model, end.kind, end.layer, seen.append):
        call_layer(target, end.layer, states, columns)
    moved = False

    def exchange(output: Tensor) -> Tensor:
        nonlocal moved
        values = output.reshape(shape).clone()
        given = seen[0].reshape(shape)[:, end.unit]
        moved = not torch.allclose(values[:, end.unit], given, rtol=1e-3, atol=1e-3)
        values[:, end.unit] = given
        return values.reshape(output.shape)

    clean = stack(target.residual[end.layer], columns.copies)
    with edited(model, end.kind, end.layer, exchange):
        patched = call_layer(target, end.layer, clean, columns)
    if moved and bool((patched == stack(target.residual[end.layer + 1], columns.copies)).all()):
        raise UnsupportedSite(f"{model.name!r} ({model.architecture}) ignores edits of {end.kind!r}; no output changed")
    return patched
