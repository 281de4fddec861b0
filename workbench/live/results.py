"""The results that were given, checked against the model that runs."""

from collections.abc import Sequence

import xarray as xr

from workbench.errors import BadResult
from workbench.figures.explorer.contents import ExplorerData, find
from workbench.model.model import Model
from workbench.results.make import provenance

_NOTHING = ExplorerData((), roles=None, kinds=None, patterns=None, classes=None, notes=(), origin=())


def check(model: Model, results: Sequence[xr.Dataset]) -> ExplorerData:
    """Sort results by what can be shown of them; none at all will do.

    Raises:
        BadArgument: nothing that can be shown, or something that is no Result.
        BadResult: it belongs to another model.
    """
    found = find(results) if results else _NOTHING
    for place, result in enumerate(results, start=1):
        for name, size in (("layer", model.n_layers), ("head", model.n_heads), ("neuron", model.n_neurons)):
            if name in result.dims and result.get_index(name).tolist() != list(range(size)):
                raise BadResult(
                    f"result {place} has {result.sizes[name]} of the axis {name!r}, {model.name!r} has {size}: it "
                    "belongs to another model, or to a part of it"
                )
        about = _model_of(result)
        if about.get("hash", model.digest) != model.digest:
            raise BadResult(
                f"result {place} is of {about.get('name')!r}, and the model that runs is {model.name!r} with other "
                "weights: a head of one is not a head of the other"
            )
    return found


def main_measures(found: ExplorerData) -> list[tuple[xr.Dataset, str]]:
    """What is said and drawn of a single head by language: its scores, or else the first measure."""
    main = [one for one in found.measures if one.is_score] or found.measures[:1]
    return [(one.result, one.name) for one in main[:3]]


def _model_of(result: xr.Dataset) -> dict:
    try:
        return dict(provenance(result).get("model") or {})
    except BadResult:  # someone else's numbers are welcome
        return {}
