"""Scores of layers against plain loops, and chosen layers against planted neurons."""

from functools import cache

import numpy as np
import pytest
import torch
import xarray as xr

from tests.models import byte_tokenizer, tiny
from workbench import load_model, neurons, planted
from workbench.errors import BadArgument, BadResult
from workbench.laboratories.windows.choose import choose_layers, chosen_layers
from workbench.laboratories.windows.score import layer_score, layer_shares
from workbench.text.corpus import Corpus


def scored(*scores, share=0.1):
    """A score for each layer; all have the same share of the parameters, or their own."""
    shares = np.broadcast_to(share, len(scores)).astype(float)
    return xr.Dataset({"score": ("layer", np.array(scores, float)), "share": ("layer", shares)}).assign_coords(
        layer=range(len(scores))
    )


@cache
def planted_in(layers, related=None):
    """A planted model whose specific neurons are all in the given layers, and its counts."""
    made = planted.neurons("de,en,fr,it", related=related, seed=3)
    specific = np.argwhere(made.truth["kind"].to_numpy() == "specific")
    ordinary = {k: iter(np.flatnonzero(made.truth["kind"].to_numpy()[k] == "other").tolist()) for k in layers}
    mlps = [layer.mlp for layer in made.model.module.model.layers]
    with torch.no_grad():
        for place, (layer, neuron) in enumerate(specific.tolist()):
            target = layers[place % len(layers)]
            if layer not in layers:
                other = next(ordinary[target])
                for weight in ("gate_proj", "up_proj"):
                    a, b = (getattr(mlps[k], weight).weight for k in (layer, target))
                    a[neuron], b[other] = b[other].clone(), a[neuron].clone()
                a, b = mlps[layer].down_proj.weight, mlps[target].down_proj.weight
                a[:, neuron], b[:, other] = b[:, other].clone(), a[:, neuron].clone()
    return made, neurons.firing(made.model, made.corpus, progress=False)


@pytest.mark.parametrize("layers", [(0,), (2,), (1, 2), (2, 3)])
@pytest.mark.parametrize(("method", "related"), [(neurons.ternary, None), (neurons.lape, 0)])
def test_layers_with_planted_neurons_are_chosen_exactly(layers, method, related):
    made, counts = planted_in(layers, related)  # ternary tells related neurons from specific ones, lape does not
    classes = method(counts, top_rate=made.truth.attrs["top_rate"], bar=made.truth.attrs["bar"])
    score = layer_score(counts, classes, model=made.model)
    assert np.flatnonzero(score.neurons.sum("language").to_numpy() > 0).tolist() == list(layers)
    assert (score.others[:, list(layers)] == 0).all()
    share = float(score.share.isel(layer=slice(0, len(layers))).sum())
    choice = choose_layers(score, share + 1e-6)
    assert chosen_layers(choice) == list(layers)
    assert choice.attrs["tied"] == 0
    assert np.flatnonzero(choice.chosen.to_numpy()).tolist() == list(layers)


def test_the_score_is_that_of_a_plain_loop():
    model = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    texts = {"de": ("Der Hund bellt", "Ja"), "en": ("The dog", "No"), "fr": ("Le chien", "Non merci")}
    counts = neurons.firing(model, Corpus(texts, aligned=True, source="test"), progress=False)
    classes = neurons.ternary(counts, top_rate=0.3, bar=0.8)
    score = layer_score(counts, classes, model=model)
    for layer in range(model.n_layers):
        total = 0.0
        for language in texts:
            for neuron in range(model.n_neurons):
                here = {"layer": layer, "neuron": neuron}
                if classes.kind.isel(here) == "specific" and classes.member.isel(here).sel(language=language):
                    rates = {code: float(counts.fired.isel(here).sel(language=code) / counts.tokens.sel(language=code))
                             for code in texts}  # fmt: skip
                    others = [rate for code, rate in rates.items() if code != language]
                    total += rates[language] - sum(others) / len(others)
        assert score.score.to_numpy()[layer] == pytest.approx(total / len(texts), abs=1e-12)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen3"])
def test_shares_are_those_of_the_plain_module(kind):
    module = tiny(kind)
    layers = module.transformer.h if kind == "gpt2" else module.model.layers
    whole = sum(parameter.numel() for parameter in module.parameters())
    expected = [sum(parameter.numel() for parameter in layer.parameters()) / whole for layer in layers]
    assert layer_shares(load_model(module, tokenizer=byte_tokenizer())).tolist() == expected


def test_a_layer_of_the_shipped_model_is_a_tenth():
    assert layer_shares(load_model()) == pytest.approx(np.full(6, 0.0988), abs=1e-4)


def test_the_best_window_of_the_most_layers_wins():
    assert chosen_layers(choose_layers(scored(5, 0, 3, 3, 0), 0.2)) == [2, 3]
    assert chosen_layers(choose_layers(scored(5, 0, 3, 3, 0), 0.1)) == [0]
    assert chosen_layers(choose_layers(scored(-1, -1, -5), 0.2)) == [0, 1]
    assert chosen_layers(choose_layers(scored(1, 2, 3), 1.0)) == [0, 1, 2]


def test_layers_of_other_sizes_fit_by_their_parameters():
    choice = choose_layers(scored(1, 1, 9, 2, share=[0.1, 0.1, 0.4, 0.1]), 0.2)
    assert chosen_layers(choice) == [0, 1]
    assert choice.window.to_numpy().tolist() == [0]
    assert choice.window_share.to_numpy() == pytest.approx([0.2])


def test_of_ties_the_lowest_is_chosen_and_flagged():
    choice = choose_layers(scored(0, 2, 1, 2, 0.3 - 0.2 - 0.1), 0.1)
    assert (chosen_layers(choice), choice.attrs["tied"]) == ([1], 1)
    assert choose_layers(scored(0, 0.3, 0.1 + 0.2), 0.1).attrs["first"] == 1  # equal but for rounding
    assert choose_layers(scored(0, 2, 1), 0.1).attrs["tied"] == 0


def test_what_cannot_be_chosen_from_is_refused():
    with pytest.raises(BadArgument, match="smallest layer has"):
        choose_layers(scored(1, 2), 0.05)
    with pytest.raises(BadResult, match="share is missing"):
        choose_layers(scored(1, 2).drop_vars("share"))
    with pytest.raises(BadResult, match="not finite in layers \\[1\\]"):
        choose_layers(scored(1, np.nan))


def test_classes_that_do_not_fit_the_counts_are_refused():
    made, counts = planted_in((0,))
    classes = neurons.lape(counts)
    with pytest.raises(BadResult, match="member"):
        layer_score(counts, counts, model=made.model)
    with pytest.raises(BadResult, match="do not fit"):
        layer_score(counts.isel(language=[1, 0, 2, 3]), classes, model=made.model)
    with pytest.raises(BadResult, match="no neuron"):
        layer_score(counts, classes.assign(member=classes.member & False), model=made.model)
    with pytest.raises(BadResult, match="give their model"):
        layer_score(counts, classes, model=load_model(tiny("llama"), tokenizer=byte_tokenizer()))
