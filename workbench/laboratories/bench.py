"""What is trained and measured in every condition and seed."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from workbench.errors import BadArgument
from workbench.laboratories.base import Base
from workbench.laboratories.inside.inside import Inside
from workbench.laboratories.inside.states import packed
from workbench.laboratories.recipe import Materials, Measure, Module, Recipe
from workbench.laboratories.training.loop import train
from workbench.model.load import load_model


@dataclass(frozen=True)
class Bench:
    """Trains copies of a base, and measures them."""

    base: Base
    materials: Materials
    measures: Sequence[Measure]
    inside: Inside | None

    def trained(self, recipe: Recipe, seed: int, *, look: bool) -> tuple[np.ndarray, list[xr.DataArray], str]:
        """The losses of a training, what was measured after it, and the state inside as text."""
        module = self.base.fresh()
        losses = train(module, recipe, self.materials, seed=seed)
        return losses, *self.measured(module, look=look)

    def measured(self, module: Module, *, look: bool) -> tuple[list[xr.DataArray], str]:
        """What is measured of a module, and, where it is looked at, the state inside as text."""
        module.requires_grad_(False)
        look = look and self.inside is not None
        plain = all(getattr(measure, "of_module", False) for measure in self.measures)
        model: Any = Plain(module, self.base.tokenizer)
        wrapped = look or not plain
        if wrapped:  # wrapping checks the whole model, which takes longer than some measures
            model = load_model(module, tokenizer=self.base.tokenizer)
        values = [measure(model) for measure in self.measures]
        inner = packed(self.inside.look(model)) if look and self.inside else ""
        if wrapped:  # its parts name each other, and stay until they are looked for
            del model
            gc.collect()
        return values, inner


@dataclass(frozen=True)
class Plain:
    """A module and its tokenizer, for measures that need no more of a Model."""

    module: Module
    tokenizer: Any


class Axes:
    """The axes of the scores of several measures: names, languages, and the most samples.

    Args:
        measured: what the measures gave before training.

    Raises:
        BadArgument: two measures of one name, or one that does not say which way is better.
    """

    def __init__(self, measured: Sequence[xr.DataArray]) -> None:
        self.names = [str(values.name) for values in measured]
        if len(set(self.names)) < len(self.names):
            raise BadArgument(f"two measures have one name: {', '.join(self.names)}")
        for values in measured:
            if values.attrs.get("better") not in ("higher", "lower"):
                raise BadArgument(f"the measure {str(values.name)!r} needs the attribute better: 'higher' or 'lower'")
        widest = sorted(measured, key=lambda values: -values.sizes["language"])  # its order is that of the axis
        self.languages = list(dict.fromkeys(str(code) for values in widest for code in values.language.values))
        self.units = [str(values.attrs.get("units", "1")) for values in measured]
        self.better = np.array([1 if values.attrs["better"] == "higher" else -1 for values in measured])
        self.aligned = np.array([bool(values.attrs.get("aligned", 0)) for values in measured])
        self.samples = max(values.sizes["sample"] for values in measured)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Measures, languages, samples."""
        return len(self.names), len(self.languages), self.samples

    def table(self, measured: Sequence[xr.DataArray]) -> np.ndarray:
        """What the measures gave, [measure, language, sample]; NaN elsewhere."""
        table = np.full(self.shape, np.nan)
        for number, values in enumerate(measured):
            rows = [self.languages.index(str(code)) for code in values.language.values]
            table[number, rows, : values.sizes["sample"]] = values.transpose("language", "sample").values
        return table
