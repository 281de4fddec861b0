"""How much a layer's own neurons of languages fire, by which layers are chosen for training."""

import numpy as np
import torch
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadResult
from workbench.laboratories.parts.trainables import decoder_layers
from workbench.model.model import Model
from workbench.neurons.counts.rates import read_rates
from workbench.results.make import make_result

_CELLS = ("language", "layer", "neuron")


@checked
def layer_score(firing: xr.Dataset, classes: xr.Dataset, *, model: Model) -> xr.Dataset:
    """Score each layer by how much the neurons of languages fire in it.

    A language's own neurons are those that `ternary` calls specific to it, or all that `lape` gives it. In its own
    texts, so many of a layer's own neurons fire at a token, on average; in texts of the other languages, each of which
    counts alike, so many. The score is the difference, averaged over languages: a language without neurons in a layer
    counts 0 there.

    Args:
        firing: counts, as `wb.neurons.firing` gives them; where they have prefixes, those are subtracted, as `ternary`
            does.
        classes: what `ternary` or `lape` made of the counts.
        model: that was counted; gives the layers' shares of all parameters.

    Returns:
        `score[layer]`; `own[language, layer]` and `others[language, layer]`, its two terms; `neurons[language, layer]`,
        how many own neurons there are; `share[layer]`, of the model's parameters.

    Raises:
        BadCounts: the counts cannot be what they claim to be.
        TooFewLanguages: fewer than two languages.
        BadResult: classes without `member[language, layer, neuron]`, of other languages or another shape, or without a
            single own neuron; or a model with another number of layers.

    Source:
        After PLAST (arXiv 2508.18381), which chooses layers by the activations of language neurons; its exact statistic
        was not seen, and this is ours.

    Example:
        >>> counts = wb.neurons.firing(model, corpus)                                            # doctest: +SKIP
        >>> layer_score(counts, wb.neurons.ternary(counts), model=model).score                   # doctest: +SKIP
    """
    rates = read_rates(firing, prefix=True)
    languages, shape = list(firing["language"].to_numpy().tolist()), rates.shape
    member = _own(classes, languages, shape)
    if model.n_layers != shape[0]:
        raise BadResult(f"the counts have {shape[0]} layers and {model.name} has {model.n_layers}: give their model")
    own, others = own_and_others(rates.rate.reshape(len(languages), *shape), member)
    made = rates.provenance or {}
    return make_result(
        {
            "score": (("layer",), (own - others).mean(0), "own neurons that fire, own texts minus others' [per token]"),
            "own": (_CELLS[:2], own, "own neurons that fire in own texts [per token]"),
            "others": (_CELLS[:2], others, "own neurons that fire in the others' texts, their mean [per token]"),
            "neurons": (_CELLS[:2], member.sum(2), "own neurons of the language [neurons]"),
            "share": (("layer",), layer_shares(model), "share of the model's parameters"),
        },
        {"language": languages, "layer": list(range(shape[0]))},
        method="laboratories.layer_score",
        parameters={"firing": rates.provenance, "classes": classes.attrs.get("method", "")},
        model=model.info,
        corpus=made.get("corpus"),
    )


def own_and_others(rate: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many own neurons fire at a token of own texts, and of the others': two arrays [language, layer].

    Args:
        rate: firings per token, [language, layer, neuron].
        member: whether the neuron is the language's own, [language, layer, neuron] bool.
    """
    others = (rate.sum(0) - rate) / (len(rate) - 1)
    return (rate * member).sum(2), (others * member).sum(2)


def layer_shares(model: Model) -> np.ndarray:
    """Each layer's share of the model's parameters, [layer]; of a model as transformers makes it.

    Parameters are counted in an empty twin, because a wrapped model may hold copies of some.
    """
    with torch.device("meta"):
        twin = type(model.module)(model.config)
    whole = sum(parameter.numel() for parameter in twin.parameters())
    layers = decoder_layers(twin)
    return np.array([sum(parameter.numel() for parameter in layer.parameters()) / whole for layer in layers])


def _own(classes: xr.Dataset, languages: list, shape: tuple[int, int]) -> np.ndarray:
    """Whether a neuron is a language's own, [language, layer, neuron] bool."""
    if "member" not in classes or set(classes["member"].dims) != set(_CELLS):
        raise BadResult("classes need member[language, layer, neuron], which wb.neurons.ternary and lape return")
    member = classes["member"].transpose(*_CELLS)
    if member["language"].to_numpy().tolist() != languages or member.shape[1:] != shape:
        raise BadResult(
            f"classes of {dict(member.sizes)} do not fit counts of {len(languages)} languages and {shape[0]} layers of "
            f"{shape[1]} neurons: make them of these counts"
        )
    own = member.to_numpy().astype(bool)
    if "kind" in classes:
        own = own & (classes["kind"].transpose(*_CELLS[1:]).to_numpy() == "specific")
    if not own.any():
        raise BadResult("no neuron is a language's own, so that no layer can be scored: choose a larger top_rate")
    return own
