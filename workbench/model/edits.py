"""Edits: temporarily scale head outputs and neurons, or change the residual stream, in every forward pass."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import finite, whole_number
from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.forward.alone import alone_inside
from workbench.model.forward.recording import first
from workbench.model.hooks import Edit, Hook, after, before, hooked, on_call, on_return
from workbench.model.model import Model
from workbench.results.reading.directions import orthonormal, read_basis, read_direction


@alone_inside
def edited(
    model: Model,
    *,
    heads: Tensor | None = None,
    head_fill: Tensor | None = None,
    neurons: Tensor | None = None,
    neuron_fill: Tensor | None = None,
    directions: xr.Dataset | Tensor | None = None,
    projections: xr.Dataset | Tensor | None = None,
    projection_scale: float = 1.0,
    first_position: int = 0,
) -> Iterator[None]:
    """Inside, an output x of a head or neuron becomes fill + (x - fill) * scale at every position.

    A scale of 0 replaces by the fill (zero ablation, or mean ablation with means as fill), 1 changes nothing, above 1
    amplifies. A projection takes from the residual stream h after its layer s P h, its part in a subspace; then a
    direction is added; both at every position but padding. All applies however the model is run: forward passes,
    recordings, reruns, gradients, generation. Layers whose scales are all 1, or whose direction or basis is 0, are not
    touched.

    Args:
        model: the model.
        heads: scales of head outputs z (before W_O), [layer, head], or one for each row of the batch that will be
            run, [row, layer, head].
        head_fill: [layer, head, d_head]; zero when None.
        neurons: scales of MLP activations (what the down projection reads), [layer, neuron] or [row, layer, neuron].
        neuron_fill: [layer, neuron]; zero when None.
        directions: a Result with `direction[layer, d]`, added times its attribute `strength` (1 where it has none);
            or what is added, [layer, d].
        projections: a Result with `basis[layer, component, d]`, or such numbers: orthonormal components, or zeros.
        projection_scale: s: 1 removes the part in the subspace, 0 changes nothing.
        first_position: the residual stream is changed from this column of a batch on, padding and what is in a cache
            counted.

    Raises:
        BadArgument: a shape that does not fit the model.
        BadResult: a direction or basis of another model, or with numbers that are NaN or infinite.
        UnsupportedSite: edits there do not work in this architecture, or did not run once in each layer and pass; or
            the columns of a pass are unknown, and `first_position` is not 0.
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
    for i, own in enumerate(_residual_changes(model, directions, projections, projection_scale)):
        if own:
            change = partial(_changed, changes=own, passes=passes, start=whole_number("first_position", first_position))
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
        self.first: int | None = None  # column where a pass without a mask begins: then nothing is padding
        self.all: dict[str, int] = {}
        self.whole: dict[str, int] = {}
        self.before: dict[str, int] = {}

    def hooks(self, model: Model) -> list[Hook]:
        """Hooks that follow the model's passes."""
        base = model.module.base_model
        return [
            on_call(model.module, self._read),  # OPT runs the layers without calling its base model
            on_return(model.module, self._forget, always=True),
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

    def edited(self, n_positions: int, start: int) -> Tensor | None:
        """Which of the last positions of the running pass are no padding, and from column `start` on.

        Outside a pass of the whole model the layers run on their own, and what is added to padding reaches no other
        position.

        Returns:
            [row, position, 1] bool; None where the columns are unknown.
        """
        if self.mask is None or self.mask.dim() != 2:
            if not start:
                return None
            if self.first is None:
                raise UnsupportedSite(f"first_position={start}, but this pass does not say which columns it runs")
            return (torch.arange(n_positions) + self.first >= start)[None, :, None]
        columns = torch.arange(self.mask.shape[1], device=self.mask.device)
        return (self.mask.bool() & (columns >= start))[:, -n_positions:, None]

    def check(self, model: Model) -> None:
        """Refuse a model in which an edit did not run once in each layer and pass."""
        fired = self.whole if self.n_whole else self.all
        if len({*fired.values(), *([self.n_whole] if self.n_whole else [])}) > 1:
            raise UnsupportedSite(
                f"an edit of {model.name!r} did not run once in each layer and pass ({self.n_whole} passes): {fired}"
            )

    def _read(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.mask, self.first = named.get("attention_mask"), None
        if self.mask is None:  # generation drops a mask that hides nothing
            lengths = [value.get_seq_length() for value in named.values() if hasattr(value, "get_seq_length")]
            self.first = int(lengths[0]) if lengths else 0

    def _forget(self, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        self.mask = self.first = None

    def _begin(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._read(args, named)
        self.before, self.layers_ran = dict(self.all), False

    def _enter(self, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.layers_ran = True

    def _end(self, args: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        self.mask = self.first = None
        if output is not None and self.layers_ran:
            self.n_whole += 1
            self.whole = {name: self.whole[name] + self.all[name] - self.before[name] for name in self.all}


ResidualChange = Callable[[Tensor], Tensor]
"""States [row, position, d] to changed states."""


def _residual_changes(
    model: Model,
    directions: xr.Dataset | Tensor | None,
    projections: xr.Dataset | Tensor | None,
    scale: float,
) -> list[list[ResidualChange]]:
    """What is done to the residual stream after each layer, in order: a part is removed, then a vector is added."""
    changes: list[list[ResidualChange]] = [[] for _ in range(model.n_layers)]
    if projections is not None and finite("projection_scale", scale):
        for own, basis in zip(changes, bases_of(model, projections), strict=True):
            if basis.any():
                own.append(partial(_removed, basis=basis, scale=scale))
    if directions is not None:
        for own, vector in zip(changes, vectors_of(model, directions), strict=True):
            if vector.any():
                own.append(partial(_moved, vector=vector))
    return changes


def bases_of(model: Model, projections: xr.Dataset | Tensor) -> Tensor:
    """The subspace of each layer, [layer, component, d] float32, on the model's device.

    Raises:
        BadArgument: another shape, numbers that are NaN or infinite, or components that are not orthonormal.
        BadResult: as `read_basis`.
    """
    if isinstance(projections, Tensor):
        values, shape = projections, tuple(projections.shape)
        if values.dim() != 3 or shape[::2] != (model.n_layers, model.d_model) or not bool(values.isfinite().all()):
            raise BadArgument(
                f"projections have shape {list(shape)}; give finite numbers of "
                f"[{model.n_layers}, components, {model.d_model}]"
            )
        if not orthonormal(values.double().cpu().numpy()):
            raise BadArgument("projections have components that are not orthonormal: h - P h would not remove them")
    else:
        values = read_basis(projections, model.n_layers, model.d_model, model=model.info)
    return torch.as_tensor(values, dtype=torch.float32, device=model.device)


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


def _changed(output: Any, changes: list[ResidualChange], passes: _Passes, start: int) -> Any:
    """A layer's output, [row, position, d] or a tuple that begins with it, changed where `passes` says."""
    states = changed = first(output)
    for change in changes:
        changed = change(changed)
    where = passes.edited(states.shape[1], start)
    changed = changed if where is None else torch.where(where.to(states.device), changed, states)
    return (changed, *output[1:]) if isinstance(output, tuple) else changed


def _moved(states: Tensor, vector: Tensor) -> Tensor:
    return states + vector.to(states)


def _removed(states: Tensor, basis: Tensor, scale: float) -> Tensor:
    """States without `scale` times their part in the subspace of a basis [component, d]."""
    basis = basis.to(states.device)
    return states - (scale * (states.float() @ basis.T @ basis)).to(states)


def _scaled(values: Tensor, scale: Tensor, fill: Tensor | None) -> Tensor:
    """Values [row, position, unit] scaled towards the fill; scale is [row or 1, unit]."""
    rows = scale.shape[0]
    if values.dim() == 3 and rows not in (1, values.shape[0]):
        raise BadArgument(f"scales of {rows} rows do not fit a batch of {values.shape[0]} rows")
    each = values.reshape(rows, -1, values.shape[-1])  # OPT merges rows and positions
    scale = scale[:, None]
    each = each * scale if fill is None else fill + (each - fill) * scale
    return each.reshape(values.shape)
