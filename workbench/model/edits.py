"""Edits: temporarily scale head outputs and neurons, or add to the residual stream, in every forward pass."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.alone import alone_inside
from workbench.model.forward.recording import first
from workbench.model.hooks import Edit, Hook, after, before, hooked, on_call, on_return
from workbench.model.model import Model
from workbench.results.reading.directions import read_direction


@alone_inside
def edited(
    model: Model,
    *,
    heads: Tensor | None = None,
    head_fill: Tensor | None = None,
    neurons: Tensor | None = None,
    neuron_fill: Tensor | None = None,
    directions: xr.Dataset | Tensor | None = None,
) -> Iterator[None]:
    """Inside, an output x of a head or neuron becomes fill + (x - fill) * scale at every position.

    A scale of 0 replaces by the fill (zero ablation, or mean ablation with means as fill), 1 changes nothing, above 1
    amplifies. A direction is added to the residual stream after its layer at every position but padding. All applies
    however the model is run: forward passes, recordings, reruns, gradients, generation. Layers whose scales are all 1,
    or whose direction is 0, are not touched.

    Args:
        model: the model.
        heads: scales of head outputs z (before W_O), [layer, head], or one for each row of the batch that will be
            run, [row, layer, head].
        head_fill: [layer, head, d_head]; zero when None.
        neurons: scales of MLP activations (what the down projection reads), [layer, neuron] or [row, layer, neuron].
        neuron_fill: [layer, neuron]; zero when None.
        directions: a Result with `direction[layer, d]`, added times its attribute `strength` (1 where it has none);
            or what is added, [layer, d].

    Raises:
        BadArgument: a shape that does not fit the model.
        BadResult: a direction of another model, or with numbers that are NaN or infinite.
        UnsupportedSite: edits there do not work in this architecture, or did not run once in each layer and pass.
    """
    hooks: list[Hook] = []
    passes = _Passes()

    def hook(name: str, kind: Any, module: Any, change: Edit) -> None:
        hooks.append(kind(module, passes.counted(name, change)))

    if heads is not None:
        model.require("head")
        scales = _checked(model, "heads", heads, model.n_heads)
        for i in touched(scales):
            fill = None if head_fill is None else head_fill[i].to(scales).flatten()
            wide = scales[:, i].repeat_interleave(model.d_head, 1)
            change = partial(_scaled, scale=wide, fill=fill)
            hook(f"head outputs of layer {i}", before, model.attention_parts(i)[1], change)
    if neurons is not None:
        model.require("neuron")
        scales = _checked(model, "neurons", neurons, model.n_neurons)
        for i in touched(scales):
            fill = None if neuron_fill is None else neuron_fill[i].to(scales)
            change = partial(_scaled, scale=scales[:, i], fill=fill)
            hook(f"neurons of layer {i}", before, model.bridge.blocks[i].mlp.out, change)
    if directions is not None:
        for i, vector in enumerate(vectors_of(model, directions)):
            if vector.any():
                change = partial(_moved, vector=vector, passes=passes)
                hook(f"residual stream after layer {i}", after, model.bridge.blocks[i].original_component, change)
    with hooked([*passes.hooks(model), *hooks] if hooks else []):
        yield
    passes.check(model)


class _Passes:
    """Passes of the whole model inside an edit: how often each change ran in them, and which positions are real.

    Reruns call single layers, some more often than others; a pass that was stopped runs the first layers alone, and the
    unembedding of given states none. So where the whole model ran, only whole passes count.
    """

    def __init__(self) -> None:
        self.n_whole = 0
        self.layers_ran = False
        self.mask: Tensor | None = None  # of the running pass, [row, position], with positions that are in the cache
        self.all: dict[str, int] = {}
        self.whole: dict[str, int] = {}
        self.before: dict[str, int] = {}

    def hooks(self, model: Model) -> list[Hook]:
        """Hooks that follow the model's passes."""
        base = model.module.base_model
        return [
            on_call(base, self._begin),
            on_call(model.bridge.blocks[0], self._enter),
            on_return(base, self._end, always=True),
        ]

    def counted(self, name: str, change: Edit) -> Edit:
        """The change, counted under a name."""
        self.all[name] = self.whole[name] = 0

        def run(values: Any) -> Any:
            self.all[name] += 1
            return change(values)

        return run

    def real(self, n_positions: int) -> Tensor | None:
        """Which of the last positions of the running pass are no padding, [row, position, 1]; None where unknown.

        Outside a pass of the whole model the layers run on their own, and what is added to padding reaches no other
        position.
        """
        if self.mask is None or self.mask.dim() != 2:
            return None
        return self.mask[:, -n_positions:, None].bool()

    def check(self, model: Model) -> None:
        """Refuse a model in which an edit did not run once in each layer and pass."""
        fired = self.whole if self.n_whole else self.all
        if len({*fired.values(), *([self.n_whole] if self.n_whole else [])}) > 1:
            raise UnsupportedSite(
                f"an edit of {model.name!r} did not run once in each layer and pass ({self.n_whole} passes): {fired}"
            )

    def _begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.mask, self.before, self.layers_ran = named.get("attention_mask"), dict(self.all), False

    def _enter(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.layers_ran = True

    def _end(self, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        self.mask = None
        if output is not None and self.layers_ran:
            self.n_whole += 1
            self.whole = {name: self.whole[name] + self.all[name] - self.before[name] for name in self.all}


def vectors_of(model: Model, directions: xr.Dataset | Tensor) -> Tensor:
    """What is added after each layer, [layer, d], on the model's device.

    Raises:
        BadArgument: another shape, or numbers that are NaN or infinite.
        BadResult: as `read_direction`.
    """
    if isinstance(directions, Tensor):
        shape = (model.n_layers, model.d_model)
        if tuple(directions.shape) != shape or not bool(torch.isfinite(directions).all()):
            raise BadArgument(f"directions have shape {list(directions.shape)}; give finite numbers of {list(shape)}")
        return directions.to(model.device)
    vectors = read_direction(directions, model.n_layers, model.d_model, model=model.info)
    return torch.as_tensor(vectors, dtype=torch.float32, device=model.device)


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


def _moved(output: Any, vector: Tensor, passes: _Passes) -> Any:
    """A layer's output, [row, position, d] or a tuple that begins with it, with a vector added where it is real."""
    states = first(output)
    moved, real = states + vector.to(states), passes.real(states.shape[1])
    moved = moved if real is None else torch.where(real, moved, states)
    return (moved, *output[1:]) if isinstance(output, tuple) else moved


def _scaled(values: Tensor, scale: Tensor, fill: Tensor | None) -> Tensor:
    """Values [row, position, unit] scaled towards the fill; scale is [row or 1, unit]."""
    rows = scale.shape[0]
    if values.dim() == 3 and rows not in (1, values.shape[0]):
        raise BadArgument(f"scales of {rows} rows do not fit a batch of {values.shape[0]} rows")
    each = values.reshape(rows, -1, values.shape[-1])  # OPT merges rows and positions
    scale = scale[:, None]
    each = each * scale if fill is None else fill + (each - fill) * scale
    return each.reshape(values.shape)
