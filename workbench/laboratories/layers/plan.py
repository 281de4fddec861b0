"""Windows of layers to train: the chosen one, and the others of its size."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from workbench.arguments import one_of
from workbench.errors import BadArgument
from workbench.laboratories.base import Base
from workbench.laboratories.layers.choose import choose_layers
from workbench.laboratories.layers.score import layer_score
from workbench.laboratories.parts.trainables import layers
from workbench.laboratories.recipe import Control, Materials, Recipe, Trainable
from workbench.model.load import load_model
from workbench.neurons.classes.lape import lape
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.counts.firing import firing
from workbench.text.corpus import Corpus

METHODS: dict[str, Callable[..., xr.Dataset]] = {"ternary": ternary, "lape": lape}
Window = tuple[int, ...]


def scored_layers(
    base: Base, corpus: Corpus, parameters: float, *, method: str = "ternary", top_rate: float = 0.01
) -> tuple[xr.Dataset, xr.Dataset]:
    """The score of every layer of a model before training, and the window that it chooses.

    Args:
        base: the model; a copy of it is read.
        corpus: the texts whose neurons are counted.
        parameters: largest share of the model's parameters.
        method: `ternary` or `lape`, which says whose a neuron is.
        top_rate: of the method.
    """
    one_of("method", method, METHODS)
    model = load_model(base.fresh(), tokenizer=base.tokenizer)
    counts = firing(model, corpus, progress=False, truncate=True)
    score = layer_score(counts, METHODS[method](counts, top_rate=top_rate), model=model)
    return score, choose_layers(score, parameters)


def named(window: Sequence[int]) -> str:
    """The name of a window: `layer 3`, or `layers 1 to 2`."""
    return f"layer {window[0]}" if len(window) == 1 else f"layers {window[0]} to {window[-1]}"


def other_windows(chosen: Sequence[int], count: int, *, limit: int | None = None, seed: int = 0) -> list[Window]:
    """All windows of as many neighbouring layers but the chosen one, in order; of many, `limit` drawn at random.

    Args:
        chosen: neighbouring layers.
        count: layers of the model.
        limit: most windows; all when None.
        seed: of the draw.

    Raises:
        BadArgument: the layers are no neighbours, or not of the model.
    """
    size, first = len(chosen), min(chosen, default=0)
    if not chosen or sorted(chosen) != list(range(first, first + size)) or first < 0 or first + size > count:
        raise BadArgument(f"chosen={list(chosen)}; give neighbouring layers of 0 to {count - 1}, such as [1, 2]")
    others = [tuple(range(start, start + size)) for start in range(count - size + 1) if start != first]
    picked = np.random.default_rng(seed).permutation(len(others))[:limit]
    return [others[int(number)] for number in sorted(picked)]


def trained_instead(trainable: Trainable) -> Control:
    """A control with another trainable part, and all else as in the recipe."""

    def control(recipe: Recipe, materials: Materials) -> Recipe:
        return recipe.but(trainable=trainable)

    return control


def window_controls(windows: Sequence[Window]) -> dict[str, Control]:
    """A control for each window: the recipe on its layers."""
    return {named(window): trained_instead(layers(window)) for window in windows}
