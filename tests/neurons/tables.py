"""Firing counts for tests: by hand, random, planted."""

import numpy as np
import xarray as xr


def counts(fired, tokens, prefix_fired=None, prefix_tokens=None, languages=None) -> xr.Dataset:
    """A Dataset of counts from nested lists or arrays [language, layer, neuron]."""
    axes = ("language", "layer", "neuron")
    data = {"fired": (axes, np.asarray(fired)), "tokens": ("language", np.asarray(tokens))}
    if prefix_fired is not None:
        data["prefix_fired"] = (axes, np.asarray(prefix_fired))
    if prefix_tokens is not None:
        data["prefix_tokens"] = ("language", np.asarray(prefix_tokens))
    names = languages or [f"l{number}" for number in range(len(data["tokens"][1]))]
    return xr.Dataset(data, {"language": names})


def by_hand() -> xr.Dataset:
    """Two languages of 10 and 20 tokens, four neurons with p = (1, 0), (.5, .5), dead, (.1, .3).

    The eight rates in order: 0 0 0 .1 .3 .5 .5 1. Entropies: 0, ln 2, ln 2 and, with q = (1/4, 3/4), 0.562335.
    """
    return counts([[[10, 5, 0, 1]], [[0, 10, 0, 6]]], [10, 20], languages=["de", "ja"])


def planted(seed: int = 0) -> tuple[xr.Dataset, np.ndarray, np.ndarray]:
    """Ten languages, 4 x 100 neurons: 10 specific, 5 related (three languages each), 8 general, the rest quiet.

    Returns (counts, kind [layer, neuron] str, member [language, layer, neuron] bool). 105 of 4,000 rates are high: the
    bar 1 - 105/4000 lies exactly between; 15 of 400 neurons are to be selected.
    """
    generator = np.random.default_rng(seed)
    rate = generator.uniform(0.01, 0.03, (10, 400))
    kind = np.full(400, "other", dtype="<U10")
    places = generator.permutation(400)
    member = np.zeros((10, 400), dtype=bool)
    for number, place in enumerate(places[:10]):
        kind[place] = "specific"
        member[number, place] = True
    for number, place in enumerate(places[10:15]):
        kind[place] = "related"
        member[[number, number + 2, (number + 5) % 10], place] = True
    rate[:, places[:15]] = 0
    rate[member] = generator.uniform(0.7, 0.9, member.sum())
    kind[places[15:23]] = "general"
    rate[:, places[15:23]] = generator.uniform(0.7, 0.9, (10, 8))
    tokens = generator.integers(9_000, 11_000, 10)
    fired = np.round(rate * tokens[:, None]).astype(np.int64)
    return counts(fired.reshape(10, 4, 100), tokens), kind.reshape(4, 100), member.reshape(10, 4, 100)


def random(seed: int, languages: int, layers: int, neurons: int, tokens: int = 100_000) -> xr.Dataset:
    """Random counts, hardly a tie: neurons differ in how much they fire and in how much languages matter to them."""
    generator = np.random.default_rng(seed)
    totals = generator.integers(tokens, 2 * tokens, languages)
    base, spread = generator.beta(0.5, 4, (layers, neurons)), generator.exponential(0.3, (layers, neurons))
    rate = np.minimum(base * np.exp(spread * generator.standard_normal((languages, layers, neurons))), 1)
    return counts(generator.binomial(totals[:, None, None], rate), totals)
