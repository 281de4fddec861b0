"""What a curve over depth is the mean of: the rows of each model, by layer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from workbench.atlas.across.neuron_layers import layer_shares
from workbench.atlas.across.reading import (
    ABLATION,
    CONCEPTS,
    LAPE,
    LENS,
    OfModel,
    answers,
    concept_of_pair,
    lens_values,
    route,
    same_layers,
)
from workbench.text.clusters import numbered


@dataclass(frozen=True)
class Rows:
    """Rows of a model whose mean over rows is its curve.

    Attributes:
        values: [row, layer]; a row with NaN does not count.
        clusters: Rows of a cluster are drawn together, [row] int.
        relative: Whether the mean is divided by its own mean over layers.
    """

    values: np.ndarray
    clusters: np.ndarray
    relative: bool = False


@dataclass(frozen=True)
class Quantity:
    """A quantity that has a depth.

    Attributes:
        needs: Name of the results that it is read from, or a pattern.
        texts: Name of a variable to its description.
        question: That its figure answers.
        rows: From the results of a model with that name, the rows of each variable.
    """

    needs: str
    texts: Mapping[str, str]
    question: str
    rows: Callable[[Mapping[str, xr.Dataset]], dict[str, Rows]]


def _neurons(results: OfModel) -> dict[str, Rows]:
    shares = layer_shares(results[LAPE].member.values)
    return {"value": Rows(shares * shares.shape[1], np.arange(len(shares)))}


def _heads(results: OfModel) -> dict[str, Rows]:
    delta = results[ABLATION].delta.mean("head").values  # the mean over heads leaves those out that were not removed
    return {"value": Rows(delta, np.arange(len(delta)), relative=True)}


def _lens(results: OfModel) -> dict[str, Rows]:
    clusters = numbered(str(concept) for result in results.values() for concept in result.concept.values)
    ends = [route(result, name) for name, result in results.items()]
    rows = {}
    for place, variable in ((1, "value"), (0, "shown")):
        values = [lens_values(result, of[place]) for result, of in zip(results.values(), ends, strict=True)]
        rows[variable] = Rows(np.concatenate(values), clusters)
    return rows


def _concept(results: OfModel) -> dict[str, Rows]:
    values = []
    for name, result in results.items():
        own = [whose == "source" for whose, _ in answers(result, name)]
        values.append(result.pair_probability.values[:, own].sum(1))
    concepts = [concept for result in results.values() for concept in concept_of_pair(result)]
    return {"value": Rows(np.concatenate(values), numbered(concepts))}


QUANTITIES = {
    "neurons": Quantity(
        LAPE,
        {"value": "share of a language's LAPE neurons at this depth, relative to an even spread (1)"},
        "At which depth do the neurons of languages lie?",
        _neurons,
    ),
    "heads": Quantity(
        ABLATION,
        {"value": "rise of the loss without a head, relative to the mean of the model's heads (1)"},
        "At which depth are the heads that models need?",
        _heads,
    ),
    "lens": Quantity(
        LENS,
        {
            "value": "probability of the target language's word [probability]",
            "shown": "probability of the shown language's word [probability]",
        },
        "At which depth does the target language take over?",
        _lens,
    ),
    "concept": Quantity(
        CONCEPTS,
        {"value": "probability of the source's concept after patching the last token [probability]"},
        "At which depth does the last token have the concept?",
        _concept,
    ),
}


def rows_of(quantity: Quantity, results: Mapping[str, xr.Dataset]) -> dict[str, Rows]:
    """The rows of each variable of a quantity, from a model's results of its name."""
    same_layers(results)
    return quantity.rows(results)
