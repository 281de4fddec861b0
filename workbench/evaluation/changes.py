"""What is changed under an edit: groups of heads or neurons, or directions, each with its random controls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.arguments import shown
from workbench.errors import BadArgument
from workbench.model.model import Model
from workbench.results.groups import Groups, random_groups, read_groups
from workbench.results.reading.directions import described, random_directions, read_directions

SHARE = {"head": 0.02, "neuron": 0.01}  # of the units, taken from a score


@dataclass(frozen=True)
class Changes:
    """Groups to switch off, or directions to add.

    Attributes:
        kind: head, neuron or direction.
        sets: of each group, itself and its random controls, [1 + control, layer, ...]: units as [unit] bool, what is
            added as [d].
        scale: of the outputs of units.
        fill: arguments of `edited` that all share.
    """

    kind: Literal["head", "neuron", "direction"]
    sets: dict[str, np.ndarray]
    scale: float
    fill: Mapping[str, Tensor]

    def arguments(self, change: np.ndarray) -> dict[str, Any]:
        """What `edited` takes, of one of the sets."""
        values = change.astype(np.float32) if self.kind == "direction" else np.where(change, self.scale, 1.0)
        return {f"{self.kind}s": torch.from_numpy(values), **self.fill}

    @property
    def sizes(self) -> list[int]:
        """Units of each group; layers of each direction."""
        axis = 1 if self.kind == "direction" else None
        return [int(np.count_nonzero(sets[0].any(axis) if axis else sets[0])) for sets in self.sets.values()]

    @property
    def sizes_are(self) -> str:
        """What `sizes` counts."""
        return "layers after which the direction is added" if self.kind == "direction" else f"{self.kind}s of the group"

    @property
    def parameters(self) -> dict[str, Any]:
        """What provenance records."""
        if self.kind == "direction":
            return {"unit": self.kind, "directions": {name: described(sets[0]) for name, sets in self.sets.items()}}
        cells = {name: np.argwhere(sets[0]).tolist() for name, sets in self.sets.items()}
        return {"groups": cells, "unit": self.kind, "scale": self.scale, "fill": bool(self.fill)}


def changes_of(
    model: Model,
    groups: Groups | Mapping[Any, xr.Dataset],
    *,
    unit: Literal["head", "neuron"] | None,
    scale: float,
    fill: Any,
    controls: int,
    seed: int,
) -> Changes:
    """Read groups or directions, and draw as many random ones for each.

    Raises:
        BadArgument: a unit that does not exist, a group that leaves too few for controls, or an option of units beside
            directions.
        BadResult: `groups` belongs to another model.
    """
    if _are_directions(groups):
        for name, given in (("unit", unit is not None), ("scale", scale != 0), ("fill", fill is not None)):
            if given:
                raise BadArgument(f"{name} is of heads and neurons; a direction is added times its attribute strength")
        vectors = read_directions(groups, model.n_layers, model.d_model, model=model.info)
        sets = {
            name: np.concatenate([own[None], random_directions(name, own, controls, seed=seed)])
            for name, own in vectors.items()
        }
        return Changes("direction", sets, scale, {})
    units = cast(Groups, groups)
    kind = unit or _unit(units)
    model.require(kind)
    width = model.n_heads if kind == "head" else model.n_neurons
    sets = {
        name: np.concatenate(
            [mask[None], random_groups(name, mask, controls, seed=seed, unit=kind, reuse_own=kind == "head")]
        )
        for name, mask in read_groups(units, model.n_layers, width, unit=kind, share=SHARE[kind]).items()
    }
    return Changes(kind, sets, scale, {} if fill is None else {f"{kind}_fill": _fill(fill, model, kind)})


def _are_directions(groups: Any) -> bool:
    """Whether directions are given rather than groups of units."""
    if isinstance(groups, xr.Dataset):
        return "direction" in groups
    return isinstance(groups, Mapping) and any(isinstance(own, xr.Dataset) for own in groups.values())


def _unit(groups: Any) -> Literal["head", "neuron"]:
    """The unit of a Result's groups; heads of a dict."""
    if isinstance(groups, xr.Dataset) and "neuron" in groups.dims and "head" in groups.dims:
        raise BadArgument("these groups have heads and neurons; name one with unit=")
    return "neuron" if isinstance(groups, xr.Dataset) and "neuron" in groups.dims else "head"


def _fill(fill: Any, model: Model, kind: str) -> Tensor:
    """What takes the place of outputs, as a tensor of the units' shape."""
    shape = (model.n_layers, model.n_heads, model.d_head) if kind == "head" else (model.n_layers, model.n_neurons)
    try:
        values = torch.as_tensor(fill, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError):
        values = torch.empty(0)
    if tuple(values.shape) != shape:
        raise BadArgument(f"fill={shown(fill)}; give numbers of the shape {list(shape)}, one vector or value a {kind}")
    return values
