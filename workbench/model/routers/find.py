"""Routers of mixtures of experts: found by what their modules return, and verified by changing the experts' weights.

Nothing here is taken from a list of architectures or of names. A router is a module that returns, for each token, which
experts it takes; that it does is seen by changing experts: exactly the tokens that took them may change.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.hooks import after, hooked, on_return
from workbench.model.model import Model
from workbench.model.routers.read import Read, Reading, parts_of, readings
from workbench.text.batches import Batch

_TOKENS = 17  # of the probe
_GROUPS = 16  # in which experts are changed, at most
_LIGHT = 0.05  # share of a token's weight below which a change of an expert may be lost in rounding
_LINEAR = 0.02  # by how much twice the weights may differ from twice the change


@dataclass(frozen=True, eq=False)
class Router:
    """The module of a layer that sends every token to some of the layer's experts.

    Attributes:
        layer: of the model.
        module: whose output `read` takes.
        experts: how many there are to choose from; shared experts, which every token passes, are not among them.
        per_token: how many each token takes.
        weighs: whether its returned weights multiply the experts' outputs, as measured.
        read: output to (index [token, k], weight [token, k], None where not `weighs`).
    """

    layer: int
    module: nn.Module
    experts: int
    per_token: int
    weighs: bool
    read: Read


@dataclass(frozen=True, eq=False)
class _Call:
    """How a module was called in the probe, and what it returned."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any


@alone
@torch.no_grad()
def routers(model: Model) -> dict[int, Router]:
    """Find and verify the router of each layer that has one.

    Args:
        model: the model; its experts' weights are changed and put back, bit by bit.

    Returns:
        Layer to Router, in the order of the layers. Layers without experts are not in it.

    Raises:
        UnsupportedSite: no layer has a router, or a router's choice is not what the experts do.
    """
    calls: dict[int, dict[str, list[_Call]]] = {layer: {} for layer in range(model.n_layers)}
    with _recorded(model, calls):
        model.states(_probe(model))
    by_layer = {layer: _router(model, layer, calls.pop(layer)) for layer in range(model.n_layers)}
    routing = {layer: router for layer, router in by_layer.items() if router is not None}
    if not routing:
        raise UnsupportedSite(
            f"{model.name!r} ({model.architecture}) has no router in any of its {model.n_layers} layers: it is dense, "
            "so there is no choice of experts to read; neurons.firing counts the neurons of dense layers"
        )
    return routing


def _probe(model: Model) -> Batch:
    """One row of random tokens, all real."""
    size = model.module.get_input_embeddings().weight.shape[0]
    ids = torch.randint(min(10, size - 1), size, (1, _TOKENS), generator=torch.Generator().manual_seed(0))
    return Batch(ids, torch.ones_like(ids), ("",), (0,)).to(model.device)


@contextmanager
def _recorded(model: Model, calls: dict[int, dict[str, list[_Call]]]) -> Iterator[None]:
    """Inside, every call of every module of the layers is recorded."""

    def hook(layer: int, name: str) -> Any:
        def keep(args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            calls[layer].setdefault(name, []).append(_Call(args, kwargs, output))

        return keep

    hooks = [
        on_return(module, hook(layer, name))
        for layer in range(model.n_layers)
        for name, module in model.bridge.blocks[layer].named_modules()
    ]
    with hooked(hooks):
        yield


def _router(model: Model, layer: int, calls: dict[str, list[_Call]]) -> Router | None:
    """The router of a layer; None where no module behaves like one."""
    modules = dict(model.bridge.blocks[layer].named_modules())
    candidates: list[tuple[bool, str, str, int, Reading]] = []
    for name in [name for name, made in calls.items() if name and len(made) == 1]:
        block = name.rpartition(".")[0]
        if len(calls.get(block, ())) == 1:
            for experts in _sizes(modules[block]):
                for reading in readings(calls[name][0].output, _TOKENS, experts):
                    candidates.append((not reading.sure, name, block, experts, reading))
    changed: dict[tuple[str, int], tuple[Tensor, Tensor] | None] = {}
    for _, name, block, experts, reading in sorted(candidates, key=lambda candidate: candidate[0]):  # sure ones first
        place = (block, experts)
        if place not in changed:
            changed[place] = _changes(modules[block], calls[block][0], experts)
        if _agrees(reading, calls[name][0].output, changed[place]):
            weighs = reading.part is not None and _weighs(modules[block], calls[block][0], modules[name], reading.part)
            read = reading.read if weighs else _unweighted(reading.read)
            return Router(layer, modules[name], experts, reading.per_token, weighs, read)
    claimed = [experts for *_, experts, reading in candidates if reading.sure]
    if claimed:
        raise UnsupportedSite(
            f"layer {layer} of {model.name!r} ({model.architecture}) has {claimed[0]} experts, but changing them "
            "does not change exactly the tokens that its router sends to them: its routing cannot be read"
        )
    return None


def _unweighted(read: Read) -> Read:
    return lambda output: (read(output)[0], None)


def _stacks(block: nn.Module, experts: int) -> list[list[Tensor]]:
    """The weights of each expert, from stacked tensors or lists of modules: [expert][tensor], views to write to."""
    stacks = [p for p in block.parameters() if p.dim() > 2 and p.shape[0] == experts and p.is_floating_point()]
    lists = [m for m in block.modules() if isinstance(m, nn.ModuleList) and len(m) == experts]
    of_lists = [[p for m in lists for p in m[i].parameters() if p.is_floating_point()] for i in range(experts)]
    return [[stack.data[i] for stack in stacks] + [p.data for p in of_lists[i]] for i in range(experts)]


def _sizes(block: nn.Module) -> list[int]:
    """How many experts a block may have, by its tensors and lists."""
    sizes = {p.shape[0] for p in block.parameters() if p.dim() > 2}
    sizes |= {len(m) for m in block.modules() if isinstance(m, nn.ModuleList)}
    return sorted(size for size in sizes if size > 1)


def _run(block: nn.Module, call: _Call) -> Tensor:
    """What a block gives for the probe, [token, dimension] float32."""
    return parts_of(block(*call.args, **call.kwargs))[0].reshape(_TOKENS, -1).float()


def _changes(block: nn.Module, call: _Call, experts: int) -> tuple[Tensor, Tensor] | None:
    """(group [expert], the tokens that change with it [group, token]); None where the block does not run alone."""
    group = torch.arange(experts) % min(experts, _GROUPS)
    try:
        plain = _run(block, call)
        again = [_run(block, call) for _ in range(2)]
        noise = max(float((output - plain).abs().max()) for output in again)  # 0, unless the order of sums varies
        bound = 0.0 if noise == 0 else max(4 * noise, torch.finfo(torch.float32).eps * float(plain.abs().max()))
        rows = []
        for number in range(int(group.max()) + 1):
            with _changed_experts(block, experts, (group == number).nonzero().flatten().tolist()):
                rows.append(((_run(block, call) - plain).abs() > bound).any(1))
    except (RuntimeError, TypeError, ValueError, AttributeError):  # it takes more than what it was called with
        return None
    return group, torch.stack(rows).cpu()


@contextmanager
def _changed_experts(block: nn.Module, experts: int, chosen: list[int]) -> Iterator[None]:
    """Inside, the weights of these experts are larger by their standard deviation; afterwards they are restored."""
    every = _stacks(block, experts)
    weights = [weight for expert in chosen for weight in every[expert]]
    before = [weight.clone() for weight in weights]
    try:
        for weight in weights:
            shift = float(weight.float().std()) if weight.numel() > 1 else 0.0
            weight.add_(shift or 1.0)
        yield
    finally:
        for weight, was in zip(weights, before, strict=True):
            weight.copy_(was)


def _agrees(reading: Reading, output: Any, seen: tuple[Tensor, Tensor] | None) -> bool:
    """Whether exactly the tokens changed that this reading sends to the changed experts."""
    if seen is None:
        return False
    group, changed = seen
    index, weight = reading.read(output)
    groups = group[index.cpu()]  # [token, k]
    takes = groups[None] == torch.arange(len(changed))[:, None, None]  # [group, token, k]
    hit = takes.any(2)
    if bool((changed & ~hit).any()) or not bool(changed.any()):
        return False
    if weight is None:
        return bool((changed == hit).all())
    share = weight.float().abs().cpu()
    share = share / share.sum(1, keepdim=True).clamp_min(1e-30)
    return not bool((hit & ~changed & ((takes * share).sum(2) > _LIGHT)).any())


def _weighs(block: nn.Module, call: _Call, module: nn.Module, part: int) -> bool:
    """Whether the block's output is linear in what the router returns as weights."""

    def scaled(factor: float) -> Tensor:
        def hook(output: Any) -> Any:
            parts = parts_of(output)
            parts[part] = parts[part] * factor
            return tuple(parts) if isinstance(output, tuple) else parts[0]

        with hooked([after(module, hook)]):
            return _run(block, call)

    nothing, once, twice = scaled(0.0), scaled(1.0), scaled(2.0)
    reach = float((twice - nothing).abs().max())
    return reach > 0 and float((twice - 2 * once + nothing).abs().max()) <= _LINEAR * reach
