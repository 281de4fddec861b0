"""A feature that is switched off in the frozen model takes away its edges of the attribution graph, and no more."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.circuits.graphs.targets import unembedding
from workbench.errors import UnsupportedSite
from workbench.model.hooks import after, hooked

TEXT, TOKEN = "Guten Tag", 100
CASES = {
    "plain": {},
    "per_layer": {"kind": "per_layer"},
    "skip": {"skip": True},
    "skip per_layer": {"skip": True, "kind": "per_layer"},
}


def states(model, made):
    """What each layer of a transcoder reads, [layer, position, d], and the final normed state of the last position."""
    seen = {}
    hooks = [
        after(
            model.hook_point(made.reads, layer), lambda values, layer=layer: seen.update({layer: values.flatten(0, -2)})
        )
        for layer in made.layers
    ]
    with hooked(hooks):
        final = model.states(model.batch(TEXT))[0, -1]
    return torch.stack([seen[layer] for layer in made.layers]), final


def edges(graph):
    """Weights [target, source] of all nodes."""
    weights = np.zeros((graph.sizes["node"],) * 2)
    weights[graph.edge_target.values, graph.edge_source.values] = graph.weight.values
    return weights


def check(model, made, *, inner=True):
    """Switch some features off, one after another; `inner` also compares what later features read."""
    graph = wb.circuits.graph(made, model, TEXT, target=TOKEN, progress=False)
    weights, unembed = edges(graph), unembedding(model)
    places = [graph[name].values for name in ("layer", "position", "feature")]
    features, target = np.flatnonzero(graph.kind == "feature"), int(np.flatnonzero(graph.kind == "target")[0])
    assert np.abs(weights[target, features]).max() > 1e-2
    read, final = states(model, made)
    for source in np.random.default_rng(0).choice(features, 6, replace=False).tolist():
        layer, position, feature = (int(own[source]) for own in places)
        off = {(layer, feature): 0.0}
        with wb.circuits.intervene(made, model, off, frozen="all", positions=[position]):
            moved_read, moved_final = states(model, made)
        lost = (unembed[TOKEN] - unembed.mean(0)) @ (final - moved_final)
        assert float(lost) == pytest.approx(weights[target, source], abs=5e-6)
        if not inner:
            continue
        for place, own in enumerate(made.layers):
            mine = features[places[0][features] == own]
            lost = made.preactivation(place, read[place]) - made.preactivation(place, moved_read[place])
            expected = weights[mine, source]
            np.testing.assert_allclose(lost[places[1][mine], places[2][mine]], expected, atol=5e-6)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "cohere", "neox"])
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_switching_off_takes_away_the_edge(architecture, case):
    model = model_of(architecture)
    check(model, random_transcoder(model.n_layers, model.d_model, **CASES[case]))


@pytest.mark.parametrize("reads", ["residual_mid", "mlp_normalized"])
@pytest.mark.parametrize("skip", [False, True])
@torch.no_grad()
def test_so_it_does_where_features_read_inside_the_norm(reads, skip):
    model = model_of("gemma2")
    made = random_transcoder(model.n_layers, model.d_model, skip=skip)
    check(model, replace(made, reads=reads), inner=reads == "residual_mid")  # inside, the denominator moves


def test_frozen_outputs_of_the_residual_stream_are_refused():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model, kind="per_layer")
    sparse = replace(made, reads="residual_post", writes="residual_post")
    with (
        pytest.raises(UnsupportedSite, match="residual_post"),
        wb.circuits.intervene(sparse, model, {(0, 1): 5.0}, frozen="all"),
    ):
        model.logits(TEXT)
    with wb.circuits.intervene(sparse, model, {(0, 1): 5.0}, frozen="attention"):
        model.logits(TEXT)
