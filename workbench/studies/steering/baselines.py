"""Baselines of a steering study: the heads or the neurons of the target language, amplified."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from workbench.arguments import expect
from workbench.errors import BadResult
from workbench.evaluation.changes import SHARE
from workbench.model.edits import edited
from workbench.model.model import Model
from workbench.results.files import load_result
from workbench.results.groups import read_groups
from workbench.steering.curves.cells import Steering
from workbench.text.languages import required

GAIN = 10  # outputs are multiplied by 1 + GAIN x the strength


def read_target(path: Any, target: str, *, unit: str) -> xr.Dataset:
    """What a saved Result with groups, or a score, of heads or neurons has for the target language.

    Raises:
        BadResult: it has no axis of this unit, or none of languages.
        UnknownLanguage: it has no group of the target.
    """
    result = load_result(expect(f"{unit}s", path, str | Path))
    if missing := {unit, "language"} - {*map(str, result.dims)}:
        axes = ", ".join(map(str, result.dims))
        raise BadResult(f"{unit}s={str(path)!r} has no axis {min(missing)!r}, its axes are {axes}")
    name = required(target, result["language"].to_numpy().tolist(), f"has no group of {unit}s in {str(path)!r}")
    return result.sel(language=[name])


def members_of(model: Model, groups: xr.Dataset, *, unit: str) -> np.ndarray:
    """The units of the one group, [layer, unit] bool; of a score the strongest.

    Raises:
        BadResult: a group of another model, or one with no unit.
    """
    model.require(unit)
    width = model.n_heads if unit == "head" else model.n_neurons
    ((name, mask),) = read_groups(groups, model.n_layers, width, unit=unit, share=SHARE[unit]).items()
    if not mask.any():
        raise BadResult(f"the group of {name!r} has no {unit}, so nothing can be amplified")
    return mask


def amplified(model: Model, mask: np.ndarray, *, unit: str) -> Steering:
    """Strength to an edit that multiplies the outputs of these units by 1 + 10 x the strength."""
    units = torch.from_numpy(mask)

    def steering(strength: float) -> AbstractContextManager[Any]:
        scales: dict[str, Any] = {f"{unit}s": 1 + GAIN * strength * units}
        return edited(model, **scales)

    return steering
