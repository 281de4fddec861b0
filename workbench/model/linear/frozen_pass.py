"""The frozen pass: one pass with its attention patterns and norms' denominators, run again on other inputs.

With these constant and MLP outputs given, all that a layer reads, and the final normed state, are affine in the
embeddings and in the MLP outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import setitem
from typing import Any

import torch
from torch import Tensor

from workbench.errors import UnsupportedSite
from workbench.model.forward.alone import alone
from workbench.model.hooks import Hook, after, hooked, on_call, on_return
from workbench.model.linear.norms import FrozenNorm, freeze
from workbench.model.model import Model
from workbench.text.batches import Batch

Written = Callable[[int, Tensor], Tensor]
"""What the MLP of a layer writes, [copy, position, d_model], of the layer and what it reads."""


@dataclass(frozen=True)
class FrozenPass:
    """One pass of one prompt; states are [1, position, d_model].

    Attributes:
        model: the model.
        batch: the prompt.
        reads: the site whose value an MLP reads.
        writes: the site whose value it writes.
        embedded: the input of the first layer.
        read: by layer, the value at `reads`.
        written: by layer, the value at `writes`.
        final: the state after the last norm.
        patterns: by layer, the attention pattern, [1, head, query, key].
        norms: each norm of the residual stream that ran, frozen.
    """

    model: Model
    batch: Batch
    reads: str
    writes: str
    embedded: Tensor
    read: list[Tensor]
    written: list[Tensor]
    final: Tensor
    patterns: list[Tensor]
    norms: list[tuple[Any, FrozenNorm]]

    def run(self, embedded: Tensor, written: Written) -> tuple[list[Tensor], Tensor]:
        """Run the frozen model on copies of the prompt; gradients flow where they are enabled.

        Args:
            embedded: the input of the first layer, [copy, position, d_model].
            written: gives what each MLP writes.

        Returns:
            By layer what its MLP reads, and the state after the last norm, all [copy, position, d_model].

        Raises:
            UnsupportedSite: a part did not run exactly once.
        """
        model, copies, seen = self.model, len(embedded), [torch.empty(0)] * len(self.read)
        hooks = [on_call(model.bridge.blocks[0], partial(_given, embedded))]
        points = {id(model.hook_point(self.reads, layer)): layer for layer in range(model.n_layers)}
        for norm, frozen in self.norms:
            hooks.append(on_return(norm, partial(_linear, frozen)))
            layer = points.pop(id(norm.hook_normalized), None)
            if layer is not None:  # inside the norm, where the denominator is not constant
                hooks.append(on_return(norm, partial(_normalized, frozen, self.read[layer], seen, layer)))
        hooks += [after(model.hook_point(self.reads, i), partial(setitem, seen, i)) for i in points.values()]
        for layer, pattern in enumerate(self.patterns):
            hooks += [
                after(model.hook_point("pattern", layer), partial(_constant, pattern)),
                after(model.hook_point("mlp_in", layer), torch.detach),  # what it computes of it is not used
                after(model.hook_point(self.writes, layer), lambda _, layer=layer: written(layer, seen[layer])),
            ]
        ids, mask = self.batch.ids.expand(copies, -1), self.batch.mask.expand(copies, -1)
        with hooked(hooks, once=f"the frozen pass of {model.name!r}"):
            final = model.states(Batch(ids, mask, self.batch.languages * copies, self.batch.rows * copies))
        return seen, final


@alone
@torch.no_grad()
def frozen_pass(model: Model, batch: Batch, *, reads: str = "mlp_in", writes: str = "mlp_out") -> FrozenPass:
    """Run one prompt and store what the frozen model needs.

    Args:
        model: the model.
        batch: one prompt, without padding, on the model's device.
        reads: the site whose value an MLP reads.
        writes: the site whose value it writes.

    Raises:
        UnsupportedSite: there is no such site, a part did not run exactly once, or a norm is none.
    """
    layers = range(model.n_layers)
    embedded: list[Tensor] = []
    seen: dict[str, list[Tensor]] = {site: [] for site in {reads, writes, "pattern"}}
    norms: dict[int, tuple[Any, Tensor, Tensor]] = {}
    hooks: list[Hook] = [on_call(model.bridge.blocks[0], lambda args, named: embedded.append(_first(args, named)))]
    hooks += [after(model.hook_point(site, layer), into.append) for site, into in seen.items() for layer in layers]
    hooks += [on_return(norm, partial(_store, norms, norm)) for norm in model.norms]
    with hooked(hooks):
        final = model.states(batch)
    if any(len(values) != model.n_layers for values in seen.values()) or len(embedded) != 1:
        raise UnsupportedSite(f"the parts of {model.name!r} ({model.architecture}) do not run once each in one pass")
    given = {id(model.hook_point(writes, layer)) for layer in layers}  # a norm after the MLP, whose output is given
    frozen = [
        (norm, freeze(norm, read, written))
        for norm, read, written in norms.values()
        if read.shape == final.shape and id(norm.hook_out) not in given  # those of heads are in the pattern
    ]
    sites = (seen[reads], seen[writes])
    return FrozenPass(model, batch, reads, writes, embedded[0], *sites, final, seen["pattern"], frozen)


def _first(args: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    return args[0] if args else next(iter(named.values()))


def _store(norms: dict[int, Any], norm: Any, args: tuple[Any, ...], named: dict[str, Any], output: Tensor) -> None:
    norms[id(norm)] = (norm, _first(args, named), output)


def _linear(frozen: FrozenNorm, args: tuple[Any, ...], named: dict[str, Any], output: Tensor) -> Tensor:
    return frozen(_first(args, named))


def _normalized(
    frozen: FrozenNorm, read: Tensor, seen: list[Tensor], layer: int, args: Any, named: Any, output: Tensor
) -> None:
    seen[layer] = read + frozen.moved(_first(args, named))


def _constant(pattern: Tensor, values: Tensor) -> Tensor:
    return pattern.expand_as(values)


def _given(embedded: Tensor, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args:
        return (embedded, *args[1:]), named
    return args, {**named, next(iter(named)): embedded}  # a layer's first argument is its state
