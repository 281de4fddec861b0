"""The results that were given, checked against the model that runs."""

from collections.abc import Sequence

import xarray as xr

from workbench.errors import BadResult
from workbench.figures.explorer.contents import ExplorerData, find
from workbench.figures.question import recorded
from workbench.model.model import Model

_NOTHING = ExplorerData((), roles=None, kinds=None, patterns=None, classes=None, notes=(), origin=())


def check(model: Model, results: Sequence[xr.Dataset]) -> ExplorerData:
    """Sort results by what can be shown of them; there may be none.

    Raises:
        BadArgument: a result that has nothing to show, or something that is no Result.
        BadResult: a result of another model.
    """
    data = find(results) if results else _NOTHING
    for place, result in enumerate(results, start=1):
        layers = model.n_layers + (result is data.lens)  # a lens reads the output too
        for name, size in (("layer", layers), ("head", model.n_heads), ("neuron", model.n_neurons)):
            if name in result.dims and result.get_index(name).tolist() != list(range(size)):
                raise BadResult(
                    f"result {place} has {result.sizes[name]} of the axis {name!r}, {model.name!r} has {size}: it "
                    "belongs to another model, or to a part of it"
                )
        about = recorded(result).get("model") or {}
        if about.get("hash", model.digest) != model.digest:
            raise BadResult(
                f"result {place} is of {about.get('name')!r}, and the model that runs is {model.name!r} with other "
                "weights: their heads are not the same"
            )
    return data


def main_measures(data: ExplorerData) -> list[tuple[xr.Dataset, str]]:
    """What is written and drawn of a single head by language: up to three scores, or else the first measure."""
    main = [measure for measure in data.measures if measure.is_score] or data.measures[:1]
    return [(measure.result, measure.name) for measure in main[:3]]
