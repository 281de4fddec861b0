"""Read what a caller gives as a circuit: heads, heads and neurons, a Result of a circuit, of edges or of a graph."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import shown
from workbench.circuits.acceptance.features import features
from workbench.circuits.acceptance.parts import Parts
from workbench.circuits.acceptance.units import units
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument, BadResult
from workbench.model.model import Model
from workbench.patching.engine.prompts import Prompts
from workbench.results.groups import read_units
from workbench.results.scores import listed

Circuit = Parts | xr.Dataset | Mapping[str, Iterable[Sequence[int]]] | Iterable[Sequence[int]]
"""Parts; a Result of `patching.circuit`, `patching.edges` or `circuits.graph`; {"heads": (layer, head) pairs,
"neurons": ...}, or {"features": (layer, feature) pairs}; or (layer, head) pairs."""
_KINDS = {"heads": "head", "neurons": "neuron"}


def read_parts(
    model: Model,
    given: Circuit,
    prompts: Sequence[Prompts],
    *,
    transcoder: Transcoder | None,
    top: int,
    how: str,
    batch_size: int | str,
) -> Parts:
    """The Parts that this names.

    Raises:
        BadArgument: units that do not exist, features without a transcoder, or something else.
        BadResult: a Result that names no parts, or one of another model.
    """
    if isinstance(given, Parts):
        return given
    stated: Any = _of_result(model, given, top) if isinstance(given, xr.Dataset) else given
    named: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {"heads": stated}
    for name, cells in named.items():
        if not isinstance(cells, Iterable):
            raise BadArgument(f"parts: {shown(name)} is {shown(cells)}; give (layer, unit) pairs")
    if set(named) == {"features"}:
        if transcoder is None:
            raise BadArgument("features are those of a transcoder; give transcoder=")
        return features(transcoder, model, named["features"], prompts, how=how, batch_size=batch_size)
    if not named or not set(named) <= set(_KINDS):
        raise BadArgument(f"parts={shown(list(named))}; give heads, neurons or both, or features alone")
    widths = {"head": model.n_heads, "neuron": model.n_neurons}
    masks = {
        _KINDS[name]: read_units(pairs, model.n_layers, widths[_KINDS[name]], unit=_KINDS[name])
        for name, pairs in named.items()
    }
    return units(model, masks, how=how, batch_size=batch_size)


def _of_result(model: Model, result: xr.Dataset, top: int) -> Mapping[str, Any]:
    """The parts that a Result names."""
    if {"sender", "receiver"} <= set(result.dims):
        return {"heads": _joined(model, result, top)}
    if {"kind", "layer", "feature"} <= set(result.variables) and result.kind.dims == ("node",):
        mine = result.kind.values == "feature"
        return {"features": np.stack([result.layer.values[mine], result.feature.values[mine]], 1).astype(int)}
    members = {"heads": ("member", "head"), "neurons": ("neuron_member", "neuron"), "neurons ": ("member", "neuron")}
    named = {
        kind.strip(): result[name].transpose("layer", unit)
        for kind, (name, unit) in members.items()
        if name in result and set(result[name].dims) == {"layer", unit}
    }
    if not named:
        raise BadResult(
            "a circuit is the Result of patching.circuit, patching.edges or circuits.graph, or has member[layer, head] "
            f"or [layer, neuron] (of one language: .sel(language=...)); this has {listed(result)}"
        )
    for kind, member in named.items():
        if member.shape != (model.n_layers, model.n_heads if kind == "heads" else model.n_neurons):
            raise BadResult(f"{member.name} has shape {list(member.shape)}: this circuit belongs to another model")
    return {kind: member.astype(bool) for kind, member in named.items()}


def _joined(model: Model, result: xr.Dataset, top: int) -> list[tuple[int, int]]:
    """The heads that the `top` strongest edges begin or end at; of a key-value head all heads that read it."""
    size = np.abs(result.effect.transpose("sender", "receiver").values)
    order = np.argsort(-np.nan_to_num(size, nan=-1.0), axis=None, kind="stable")[:top]
    heads = set()
    for sender, receiver in zip(*np.unravel_index(order, size.shape), strict=True):
        for name in (str(result.sender.values[sender]), str(result.receiver.values[receiver])):
            kind, _, place = name.partition(" ")
            if "." not in place:  # the embedding, an MLP or the logits
                continue
            layer, unit = map(int, place.split("."))
            group = model.n_heads // model.n_kv_heads if kind in ("k", "v") else 1
            heads |= {(layer, unit * group + member) for member in range(group)}
    if not heads:
        raise BadResult(f"the {top} strongest edges join no heads; raise top")
    return sorted(heads)
