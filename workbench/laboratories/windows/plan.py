"""Windows of layers to train: the chosen one, and the others of its size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from workbench.arguments import finite
from workbench.errors import BadArgument, BadResult
from workbench.laboratories.base import Base
from workbench.laboratories.parts.trainables import decoder_layers, layers
from workbench.laboratories.recipe import Control, Materials, Recipe, Trainable
from workbench.laboratories.windows.choose import choose_layers, chosen_layers
from workbench.laboratories.windows.score import layer_score
from workbench.model.load import load_model
from workbench.neurons.classes.ternary import ternary
from workbench.neurons.counts.firing import firing
from workbench.text.corpus import Corpus

Window = tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Which layers are trained, and why.

    Attributes:
        layers: neighbours, in order.
        scores: of every layer, [layer]; NaN where the layers were given without one.
        tied: whether another window has the same score.
    """

    layers: list[int]
    scores: np.ndarray
    tied: bool

    def add_to(self, result: xr.Dataset) -> xr.Dataset:
        """Add the plan to a Result: `layer_score[layer]`, `chosen[layer]`, attributes `first`, `last` and `tied`."""
        chosen = np.isin(np.arange(len(self.scores)), self.layers)
        return result.assign(
            layer_score=("layer", self.scores, {"long_name": "score of the layer, before any training"}),
            chosen=("layer", chosen, {"long_name": "the recipe trains the layer"}),
        ).assign_attrs(first=self.layers[0], last=self.layers[-1], tied=int(self.tied))


def planned(
    base: Base,
    corpus: Corpus,
    parameters: float,
    *,
    score: xr.Dataset | None = None,
    chosen: Sequence[int] | None = None,
) -> Plan:
    """Choose layers by a score, or take those given.

    Args:
        base: the model; a copy of it is read where there is neither a score nor a choice.
        corpus: the texts whose neurons are counted then, and made specific by `ternary`.
        parameters: largest share of the model's parameters.
        score: as of `layer_score`.
        chosen: neighbouring layers.

    Raises:
        BadArgument: the layers are no neighbours, or not of the model; a share that is not above 0 and at most 1.
        BadResult: a score of another number of layers.
    """
    finite("parameters", parameters, above=0, at_most=1)
    count = len(decoder_layers(base.module))
    if score is None and chosen is None:
        model = load_model(base.fresh(), tokenizer=base.tokenizer)
        counts = firing(model, corpus, progress=False, truncate=True)
        score = layer_score(counts, ternary(counts), model=model)
    if score is not None and ("score" not in score or score["score"].dims != ("layer",)):
        raise BadResult("this is no score of layers: it has no variable score[layer]; give what layer_score returned")
    if score is not None and score.sizes.get("layer") != count:
        raise BadResult(f"the score has {score.sizes.get('layer', 0)} layers and the base has {count}")
    scores = np.full(count, np.nan) if score is None else score["score"].to_numpy().astype(float)
    if chosen is not None:
        return Plan(neighbours(chosen, count), scores, False)
    assert score is not None
    choice = choose_layers(score, parameters)
    return Plan(chosen_layers(choice), scores, bool(choice.attrs["tied"]))


def neighbours(chosen: Sequence[int], count: int) -> list[int]:
    """Neighbouring layers, in order.

    Raises:
        BadArgument: they are no neighbours, or not of a model with `count` layers.
    """
    first = min(chosen, default=-1)
    if sorted(chosen) != list(range(first, first + len(chosen))) or first < 0 or first + len(chosen) > count:
        raise BadArgument(f"chosen={list(chosen)}; give neighbouring layers of 0 to {count - 1}, such as [1, 2]")
    return sorted(chosen)


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
    size, first = len(chosen), neighbours(chosen, count)[0]
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
