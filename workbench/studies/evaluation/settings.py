"""Settings that a study of confusion compares: combinations of options, groups switched off, directions added."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import finite, whole_number
from workbench.errors import BadArgument
from workbench.evaluation.changes import SHARE
from workbench.model.model import Model
from workbench.results.groups import random_groups, read_groups
from workbench.results.reading.directions import read_directions
from workbench.steering import random
from workbench.studies.findings.evaluation.confusion import RANDOM, WITH, WITHOUT

Settings = dict[str, dict[str, Any]]
"""Name to options of `wb.evaluation.respond`."""


def combinations(given: Mapping[str, Any]) -> Settings:
    """Settings by name, of lists with commas: every combination but beams with a temperature, the first one first.

    Raises:
        BadArgument: no numbers, or a first setting of beams with a temperature.
    """
    lists = {name: str(value).split(",") for name, value in given.items()}
    values: dict[str, list[float]] = {}
    for name, parts in lists.items():
        try:
            values[name] = [float(part) if name == "temperature" else int(part) for part in parts]
        except ValueError:
            raise BadArgument(f"{name}={given[name]!r}; give a number, or several with commas") from None
        for value in values[name]:
            check = finite if name == "temperature" else whole_number
            check(name, value, at_least=1 if name == "beams" else 0)
    several = [name for name, numbers in values.items() if len(numbers) > 1]
    settings = {}
    for numbers in product(*values.values()):
        setting = dict(zip(values, numbers, strict=True))
        if setting["temperature"] and setting["beams"] > 1:
            if not settings:
                raise BadArgument("beams above 1 need temperature 0; name a first setting that can be measured")
            continue
        settings[", ".join(f"{name} {setting[name]:g}" for name in several) or "as it is"] = setting
    return settings


def under_edits(model: Model, groups: xr.Dataset, base: Mapping[str, Any], seed: int) -> Settings:
    """Two settings for each group of units or each direction: it is switched off or added, and a random one like it.

    Raises:
        BadResult: groups or directions of another model.
    """
    return (_added if "direction" in groups else _switched_off)(model, groups, base, seed)


def _switched_off(model: Model, groups: xr.Dataset, base: Mapping[str, Any], seed: int) -> Settings:
    """A setting for each group that switches it off, and for a random group of as many units in the same layers."""
    unit = "neuron" if "neuron" in groups.dims else "head"
    model.require(unit)
    width = model.n_heads if unit == "head" else model.n_neurons
    settings = {}
    for name, mask in read_groups(groups, model.n_layers, width, unit=unit, share=SHARE[unit]).items():
        control = random_groups(name, mask, 1, seed=seed, unit=unit, reuse_own=unit == "head")[0]
        for prefix, units in ((WITHOUT, mask), (RANDOM, control)):
            settings[f"{prefix}{name}"] = {**base, f"{unit}s": np.argwhere(units).tolist()}
    return settings


def _added(model: Model, vectors: xr.Dataset, base: Mapping[str, Any], seed: int) -> Settings:
    """A setting for each direction that adds it, and for a random one like it."""
    settings = {}
    for name in read_directions(vectors, model.n_layers, model.d_model, model=model.info):
        own = vectors.sel(language=name) if "language" in vectors["direction"].dims else vectors
        for prefix, added in ((WITH, own), (RANDOM, random(own, seed=seed))):
            settings[f"{prefix}{name}"] = {**base, "directions": added}
    return settings
