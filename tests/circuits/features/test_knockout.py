"""Knock-outs of features against losses by hand, and against knock-outs of neurons where features are neurons."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.circuits.features.groups import matched_groups, read_matched
from workbench.errors import BadCounts, BadResult
from workbench.text.corpus import Corpus

CORPUS = Corpus(
    {"de": ("Der Hund bellt", "Es regnet", "Na ja"), "en": ("The dog barks", "It rains", "No")},
    aligned=True,
    source="test",
)
GROUPS = {"a": [(0, 3), (1, 7)], "b": [(2, 5)], "none": []}


@torch.no_grad()
def loss(model, text):
    batch = model.batch(text)
    log = model.logits(batch).log_softmax(-1)
    return float(-log[0, :-1].gather(1, batch.ids[0, 1:, None]).mean())


@pytest.mark.parametrize(
    ("architecture", "reads"),
    [("llama", "mlp_in"), ("gemma2", "mlp_in"), ("gemma2", "mlp_normalized"), ("llama", "residual_mid")],
)
def test_it_is_the_change_of_the_loss(architecture, reads):
    model = model_of(architecture)
    made = replace(random_transcoder(model.n_layers, model.d_model), reads=reads)
    counts = wb.circuits.firing(made, model, CORPUS, progress=False)
    result = wb.circuits.knockout(made, model, CORPUS, GROUPS, firing=counts, controls=2, progress=False)
    for name, pairs in GROUPS.items():
        for code, texts in CORPUS.texts.items():
            clean = [loss(model, text) for text in texts]
            with wb.circuits.intervene(made, model, dict.fromkeys(pairs, 0.0)):
                without = [loss(model, text) for text in texts]
            own = result.sel(group=name, language=code)
            np.testing.assert_allclose(own.sample_delta, np.subtract(without, clean), atol=1e-5)
            assert float(own.delta) == pytest.approx(np.mean(without) - np.mean(clean), abs=1e-5)
    assert result.features.values.tolist() == [2, 1, 0]
    assert result.control_delta.sizes["control"] == 2
    assert "features" in result.excess.attrs["long_name"]


def test_pairs_may_be_an_iterator():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    counts = wb.circuits.firing(made, model, CORPUS, progress=False)
    groups = {"a": zip([0, 1], [3, 7], strict=True)}
    result = wb.circuits.knockout(made, model, CORPUS, groups, firing=counts, controls=1, progress=False)
    assert result.features.values.tolist() == [2]


def test_counts_of_neurons_are_refused():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    counts = wb.neurons.firing(model, CORPUS, progress=False)
    with pytest.raises(BadCounts, match="neurons, the transcoder has"):
        wb.circuits.knockout(made, model, CORPUS, GROUPS, firing=counts)


def test_a_set_of_a_graph_is_compared_with_active_features_of_like_influence():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    graph = wb.circuits.graph(made, model, "Der Hund", progress=False)
    influence = read_matched(made, graph)
    nodes = graph.isel(node=graph.kind.values == "feature")
    for layer, feature in {*zip(nodes.layer.values.tolist(), nodes.feature.values.tolist(), strict=True)}:
        own = (nodes.layer == layer) & (nodes.feature == feature)
        assert influence[layer, feature] == pytest.approx(float(nodes.influence.values[own.values].sum()))
    assert influence.sum() == pytest.approx(float(nodes.influence.sum()))
    active = np.argwhere(influence > 0)
    mask = np.zeros_like(influence, dtype=bool)
    mask[tuple(active[0])] = True
    drawn = matched_groups("graph", mask, influence, 20, seed=0)
    assert (influence[drawn.any(0)] > 0).all() and (drawn.sum((1, 2)) == 1).all()
    groups = {"graph": [tuple(active[0].tolist())]}
    result = wb.circuits.knockout(made, model, CORPUS, groups, firing=graph, controls=2, progress=False)
    assert np.isfinite(result.excess).all()


def test_a_graph_of_another_transcoder_is_refused():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    graph = wb.circuits.graph(made, model, "Der Hund", progress=False)
    fewer = random_transcoder(model.n_layers, model.d_model, features=2)
    with pytest.raises(BadResult, match="of another transcoder"):
        wb.circuits.knockout(fewer, model, CORPUS, {"a": [(0, 1)]}, firing=graph)
