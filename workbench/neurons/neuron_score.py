"""A neuron score as a value: a function of a model and a corpus."""

from collections.abc import Callable, Sequence
from typing import Any

import xarray as xr

from workbench.arguments import checked
from workbench.model.model import Model
from workbench.results import scores
from workbench.text.corpus import Corpus

NeuronScore = Callable[[Model, Corpus], xr.Dataset]
"""How strongly each neuron serves each language: a Dataset with one variable [language, layer, neuron] whose attribute
`role` is "score"; higher means stronger. `score_result` makes such a Dataset."""


@checked
def score_result(model: Model, corpus: Corpus, values: Sequence[Any], *, name: str, unit: str = "") -> xr.Dataset:
    """Label your own score of neurons, with provenance, so that everything that takes a score takes it.

    Args:
        model: that was scored.
        corpus: that it was scored on.
        values: for each language of the corpus, in its order, [layer, neuron], higher where the neuron serves the
            language more; or [sample, layer, neuron] with a table for each of its texts, whose mean is then the score.
        name: of the score and of its variable.
        unit: of its numbers.

    Returns:
        `{name}[language, layer, neuron]`, marked as the score by its attribute `role`. Where texts were scored one by
        one, `sample_{name}[language, sample, layer, neuron]`, NaN where a language has fewer texts than another, and
        `low`, `high`, the bootstrap 95 % interval over texts, in the score's unit.

    Raises:
        BadArgument: not a table for each language, one of another shape, or a number that is not finite.

    Example:
        >>> rates = wb.neurons.firing(model, corpus)                                             # doctest: +SKIP
        >>> wb.neurons.score_result(model, corpus, rates.fired / rates.tokens, name="rate")      # doctest: +SKIP
    """
    shape, axes = (model.n_layers, model.n_neurons), ("layer", "neuron")
    return scores.score_result(values, name, unit, axes=axes, shape=shape, model=model.info, corpus=corpus)
