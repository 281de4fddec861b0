"""Features as parts: an exact transcoder's are neurons, and switching them off is a plain loop over layers."""

import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.circuits.acceptance.features import features
from workbench.circuits.acceptance.units import units
from workbench.circuits.transcoders.transcoder import Transcoder
from workbench.errors import BadArgument
from workbench.model.activations import tensors
from workbench.model.hooks import after, hooked
from workbench.patching.engine.pair_metric import metric_for_pairs
from workbench.patching.engine.prompts import encode

QUIET = {"progress": False}


@pytest.fixture(scope="module")
def prompts():
    rows = [{"source": text, "target": "zz", "answer": "a", "foil": "b"} for text in ("abba", "cdd", "efg", "gh", "i")]
    return wb.load_pairs(rows)


@pytest.mark.parametrize("kind", ["cross_layer", "per_layer"])
@pytest.mark.parametrize(
    ("how", "architecture"), [("zero", "llama"), ("mean", "llama"), ("zero", "neox"), ("zero", "gemma2")]
)
def test_switching_off_is_a_plain_loop(prompts, kind, how, architecture):
    model = model_of(architecture)
    transcoder = random_transcoder(model.n_layers, model.d_model, kind=kind, skip=True)
    encoded = encode(model, prompts)
    metric = metric_for_pairs(model, encoded, "logit_difference").metric
    parts = features(transcoder, model, [(0, 1), (1, 2)], [encoded], how=how, batch_size=2)
    sets = np.stack([np.ones_like(parts.member), ~parts.member, np.zeros_like(parts.member)])
    values = parts.measure(encoded, metric)(sets)
    fill = means(model, transcoder, prompts) if how == "mean" else torch.zeros(model.n_layers, 24)
    for row, keep in enumerate(torch.from_numpy(sets).reshape(3, model.n_layers, -1)):
        for column, pair in enumerate(prompts):
            expected = plain(model, transcoder, pair.source, keep, fill)
            assert values[row, column] == pytest.approx(expected, abs=1e-4)


def means(model, transcoder, prompts):
    """The mean activation of each feature over all tokens, a prompt at a time."""
    rows = []
    for pair in prompts:
        seen = tensors(model, model.batch(pair.source), [("mlp_in", layer) for layer in range(model.n_layers)])
        states = [seen["mlp_in", place][0, len(model.front) :] for place in transcoder.layers]
        rows.append(torch.stack([transcoder.encode(place, own) for place, own in enumerate(states)]))
    return torch.cat(rows, 1).mean(1)


def plain(model, transcoder, text, keep, fill):
    """The logit difference of one prompt, each MLP's output changed by the difference of two whole reconstructions."""
    own, edited = [], []

    def read(place):
        def edit(states):
            own.append(transcoder.encode(place, states))
            edited.append(torch.where(keep[place], own[-1], fill[place]))

        return edit

    def write(place):
        def edit(states):
            change = transcoder.output(place, edited, states) - transcoder.output(place, own, states)
            change[:, : len(model.front)] = 0
            return states + change

        return edit

    hooks = [after(model.hook_point("mlp_in", place), read(place)) for place in transcoder.layers]
    hooks += [after(model.hook_point("mlp_out", place), write(place)) for place in transcoder.layers]
    with hooked(hooks), torch.no_grad():
        logits = model.logits(text)[0, -1]
    answer, foil = (model.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in "ab")
    return float(logits[answer] - logits[foil])


@pytest.mark.parametrize("how", ["zero", "patch"])
def test_features_of_an_exact_transcoder_are_neurons(how):
    made = wb.planted.neurons("de,en", layers=2, neurons=60, specific=3, related=0, general=3, texts=4)
    model, words = made.model, made.words
    mlp = model.module.model.layers[0].mlp
    gate, down = mlp.gate_proj.weight.detach(), mlp.down_proj.weight.detach()
    nothing = torch.zeros(1, gate.shape[0])
    exact = Transcoder(
        "per_layer", (0,), gate.T[None], nothing, nothing, (down.T[:, None],), torch.zeros(1, gate.shape[1]),
        torch.ones(1), torch.ones(1), activation="relu",
    )  # fmt: skip
    rows = [
        {"source": f"{a} {b}", "target": f"{c} {b}", "answer": f" {a}", "foil": f" {c}"}
        for a, b, c in zip(words["de"], words["de"][1:], words["en"], strict=False)
    ]
    encoded = encode(model, wb.load_pairs(rows))
    metric = metric_for_pairs(model, encoded, "logit_difference").metric
    cells = [(0, int(neuron)) for neuron in np.flatnonzero(made.truth.member.any("language")[0])]
    of_features = features(exact, model, cells, [encoded], how=how, batch_size="auto").measure(encoded, metric)
    mask = np.zeros((2, 60), dtype=bool)
    mask[1] = True
    of_neurons = units(model, {"neuron": mask}, how=how, batch_size="auto").measure(encoded, metric)
    sets = np.random.default_rng(0).random((6, 60)) < 0.5
    values, all_of_layer_1 = of_features(sets), mask[1:].repeat(6, 0)
    np.testing.assert_allclose(values, of_neurons(np.concatenate([sets, all_of_layer_1], 1)), atol=1e-3)
    assert np.ptp(values) > 0.1


def test_a_graph_is_its_features_and_controls_are_active(prompts):
    model = model_of()
    transcoder = random_transcoder(model.n_layers, model.d_model)
    cells = [(0, 1), (1, 2), (1, 3)]
    nodes = {
        "kind": ("node", ["embedding", "feature", "feature", "feature", "target"]),
        "layer": ("node", [-1, 0, 1, 1, model.n_layers]),
        "feature": ("node", [-1, 1, 2, 3, -1]),
    }
    graph = xr.Dataset(nodes)
    family = {"de": prompts, "fr": prompts}
    result, same = (
        wb.circuits.accept(model, family, parts, transcoder=transcoder, **QUIET)
        for parts in (graph, {"features": cells})
    )
    assert result.units == 3 and result.necessity.identical(same.necessity)
    parts = features(transcoder, model, cells, [encode(model, prompts)], how="zero", batch_size="auto")
    active = means(model, transcoder, prompts).numpy().ravel() > 0
    assert active[parts.random(20, 0).any(0) & ~parts.member].all()
    with pytest.raises(BadArgument, match=r"no \(layer, feature\) pair"):
        features(transcoder, model, [(0, 99)], [encode(model, prompts)], how="zero", batch_size="auto")


@torch.no_grad()
def test_switching_off_is_an_intervention(prompts):
    model = model_of("gemma2")
    transcoder = random_transcoder(model.n_layers, model.d_model)
    encoded = encode(model, prompts)
    metric = metric_for_pairs(model, encoded, "logit_difference").metric
    parts = features(transcoder, model, [(0, 1), (1, 2)], [encoded], how="zero", batch_size=2)
    without = parts.measure(encoded, metric)(~parts.member[None])[0]
    answer, foil = (model.tokenizer.encode(word, add_special_tokens=False)[0] for word in "ab")
    with wb.circuits.intervene(transcoder, model, {(0, 1): 0.0, (1, 2): 0.0}):
        last = [model.logits(pair.source)[0, -1] for pair in prompts]
    np.testing.assert_allclose(without, [float(row[answer] - row[foil]) for row in last], atol=1e-5)
