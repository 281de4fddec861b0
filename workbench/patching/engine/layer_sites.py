"""Sweep sites inside a layer: one run of that layer with the source's activation, then the layers after it.

An edit of an attention output, an MLP, a head, a query, a row of the pattern or a neuron at one position moves the
layer's output at that position only. So the layer is run once with the source's activation at all positions, and the
output of each position is then patched alone. Keys and values move every later position, and are edited one at a
time. Each function yields what `cells` does.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor

from workbench.errors import UnsupportedSite
from workbench.model.forward.layers import call_layer
from workbench.model.forward.packed_positions import Columns
from workbench.model.forward.recording import Recording, stack
from workbench.model.forward.rerun import replace_positions, run_from_layer
from workbench.model.hooks import after, hooked
from workbench.model.metrics import Metric
from workbench.model.model import Model
from workbench.patching.engine.cells import Cells, blocks, numbers, reaches, read, split
from workbench.patching.engine.prompts import cells_at_once, first_difference


@dataclass(frozen=True)
class SiteKind:
    """A kind of site inside a layer: the axis of its units, and whether an edit stays at its position in the layer."""

    units: str | None
    local: bool = True


SITE_KINDS = {
    "attention_out": SiteKind(None),
    "mlp_out": SiteKind(None),
    "head": SiteKind("head"),
    "q": SiteKind("head"),
    "k": SiteKind("kv_head", local=False),
    "v": SiteKind("kv_head", local=False),
    "pattern": SiteKind("head"),
    "neuron": SiteKind("neuron"),
}


class LayerPatch:
    """A site inside the layers, for a batch of pairs: its activations in both runs, and the layer's patched output."""

    def __init__(self, source: Recording, target: Recording, site: str):
        self.source, self.target, self.site = source, target, site
        self.model, self.kind = target.model, SITE_KINDS[site]
        self.following = replace(target, fused=True)  # after the edited layer no pattern is read
        self.real = target.batch.mask.bool()
        self.ever_differed = self.ever_moved = False

    def activations(self, layer: int) -> tuple[Tensor, Tensor]:
        """Of the source and the target run, [sample, position, unit, width]."""
        both = []
        for run in (self.source, self.target):
            seen: list[Tensor] = []
            with edited(self.model, self.site, layer, seen.append):
                call_layer(run, layer, run.residual[layer])
            both.append(self._open(seen[0], 1)[0])
        return both[0], both[1]

    def run(self, layer: int, units: Sequence[int], given: Tensor, position: int | None = None) -> Tensor:
        """The layer's output with one unit's activation exchanged in each copy: [unit, sample, position, d_model].

        Args:
            layer: the layer.
            units: one per copy.
            given: [sample, position, unit, width].
            position: where it is exchanged; at all positions when None.
        """
        copies, rows = len(units), torch.arange(len(units), device=given.device)
        index = torch.as_tensor(list(units), device=given.device)

        def exchange(output: Tensor) -> Tensor:
            values = self._open(output, copies).clone()
            where = slice(None) if position is None else slice(position, position + 1)
            patched = rearrange(given[:, where, index], "sample position unit width -> unit sample position width")
            values[rows, :, where, index] = patched.to(values)
            return self._closed(values, output)

        states = stack(self.target.residual[layer], copies)
        with edited(self.model, self.site, layer, exchange):
            outputs = call_layer(self.target, layer, states, Columns(self.target, copies=copies))
        outputs = rearrange(outputs, "(copy sample) position d_model -> copy sample position d_model", copy=copies)
        if not self.ever_moved:
            self.ever_moved = bool((outputs - self.target.residual[layer + 1])[:, self.real].any())
        return outputs

    def require_moved(self) -> None:
        """Refuse an architecture that ignores the edit: activations differed, but no layer's output did."""
        if self.ever_differed and not self.ever_moved:
            raise UnsupportedSite(
                f"{self.model.name!r} ({self.model.architecture}) ignores edits of {self.site!r}; no output changed"
            )

    def _open(self, output: Tensor, copies: int) -> Tensor:
        """[copy, sample, position, unit, width] of a hook's tensor."""
        if self.site == "pattern":
            return rearrange(output, "(copy sample) head query key -> copy sample query head key", copy=copies)
        # OPT merges rows and positions; source and target may differ in length
        values = output.reshape(copies, self.target.n_samples, -1, output.shape[-1])
        if self.kind.units is None:
            return values[..., None, :]
        return values.unflatten(-1, (-1, 1 if self.kind.units == "neuron" else self.model.d_head))

    def _closed(self, values: Tensor, output: Tensor) -> Tensor:
        return (values.transpose(2, 3) if self.site == "pattern" else values).reshape(output.shape)


def count(model: Model, site: str) -> int:
    """How many units a site has in a layer."""
    units = SITE_KINDS[site].units
    if units == "neuron":
        return model.n_neurons
    if units == "kv_head":
        return model.n_kv_heads
    return model.n_heads if units == "head" else 1


@torch.no_grad()
def units(source: Recording, target: Recording, metric: Metric, site: str) -> Cells:
    """Every layer and unit (head, key-value head, neuron), exchanged at all positions."""
    patch = LayerPatch(source, target, site)
    start = first_difference(source.batch, target.batch)
    for layer in range(target.model.n_layers):
        given, own = patch.activations(layer)
        changed = ((given != own) & patch.real[:, :, None, None]).any(-1).any(1)  # [sample, unit]
        patch.ever_differed |= bool(changed.any())
        size = cells_at_once(target.model, target.n_samples, target.n_positions, target.n_positions)
        for block in split(range(given.shape[2]), size):
            if not changed[:, block].any():
                yield layer, block, None, None
                continue
            states = patch.run(layer, block, given)[:, :, start:].flatten(0, 1)
            states = run_from_layer(
                patch.following, layer + 1, states, copies=len(block), start=start, last=metric.last
            )
            yield layer, block, read(target, metric, states), changed[:, block].T
    patch.require_moved()


@torch.no_grad()
def positions(source: Recording, target: Recording, metric: Metric, site: str, width: int) -> Cells:
    """Every layer, unit and position; the column of a cell is unit * width + position."""
    patch = LayerPatch(source, target, site)
    for layer in range(target.model.n_layers):
        given, own = patch.activations(layer)
        changed = (given != own).any(-1) & patch.real[..., None]  # [sample, position, unit]
        if patch.kind.local:
            changed &= reaches(target, layer + 1, metric)[:, None]
        patch.ever_differed |= bool(changed.any())
        walk = _each_position if patch.kind.local else _each_start
        size = cells_at_once(target.model, target.n_samples, target.n_positions, target.n_positions)
        for block_units in split(range(given.shape[2]), size):
            for unit, columns, values, here in walk(patch, layer, block_units, given, changed, metric):
                yield layer, [unit * width + column for column in columns], values, here
    patch.require_moved()


def _each_position(
    patch: LayerPatch, layer: int, block_units: list[int], given: Tensor, changed: Tensor, metric: Metric
) -> Iterator[tuple[int, list[int], Tensor | None, Tensor | None]]:
    """Cells whose edit stays at its position within the layer."""
    outputs = patch.run(layer, block_units, given) if changed[:, :, block_units].any() else None
    for copy, unit in enumerate(block_units):
        touched = changed[:, :, unit].any(0)
        yield unit, numbers(~touched), None, None
        for block in blocks(patch.target, numbers(touched)):
            assert outputs is not None
            values = outputs[copy][:, block].transpose(0, 1)
            states = replace_positions(patch.following, layer + 1, block, values, last=metric.last)
            yield unit, block, read(patch.target, metric, states), changed[:, block, unit].T


def _each_start(
    patch: LayerPatch, layer: int, block_units: list[int], given: Tensor, changed: Tensor, metric: Metric
) -> Iterator[tuple[int, list[int], Tensor | None, Tensor | None]]:
    """Cells whose edit moves every later position."""
    for position in range(patch.target.n_positions):
        touched = changed[:, position, block_units].any(0)
        units = [unit for unit, moved in zip(block_units, touched.tolist(), strict=True) if moved]
        for unit in block_units:
            if unit not in units:
                yield unit, [position], None, None
        if not units:
            continue
        states = patch.run(layer, units, given, position)[:, :, position:].flatten(0, 1)
        states = run_from_layer(patch.following, layer + 1, states, copies=len(units), start=position, last=metric.last)
        values = read(patch.target, metric, states)
        for copy, unit in enumerate(units):
            yield unit, [position], values[copy : copy + 1], changed[:, position, unit][None]


@contextmanager
def edited(model: Model, site: str, layer: int, edit: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """Temporarily replace the activation at a site of a layer by what `edit` returns; it must fire exactly once."""
    with hooked([after(model.hook_point(site, layer), edit)], once=f"{site!r} of layer {layer}"):
        yield
