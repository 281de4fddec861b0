"""Edges against a frozen run without their source, against plain gradients of transformers' module, and in float64."""

import pytest
import torch

from tests.circuits.cases import model_of, random_transcoder
from tests.models import tiny
from workbench.circuits.graphs.expand import expand
from workbench.circuits.graphs.local_model import local_model

KINDS = ["gpt2", "llama", "qwen3", "gemma2", "gemma3", "bloom", "cohere", "neox"]
TEXT = "Guten Tag"


def local(architecture="llama", *, transcoder=None, double=False, **options):
    model = model_of(architecture)
    if double:
        model.module.double()
    return local_model(transcoder or random_transcoder(3, 32, **options), model, model.batch(TEXT))


def direction(dtype=torch.float32):
    return torch.randn(1, 32, generator=torch.Generator().manual_seed(1)).to(dtype)


def all_edges(replaced, vectors, size=64):
    weights = torch.ones(len(vectors))
    return expand(replaced, vectors, weights, replaced.n_features, size=size, step=lambda _: None)


def outputs(replaced):
    """What each source writes, source by source, as the leaves of the frozen model: embeddings and MLP outputs."""
    zeros = torch.zeros_like(replaced.frozen.embedded), torch.zeros_like(replaced.errors)
    for place, position, feature, activation in zip(
        replaced.place, replaced.position, replaced.feature, replaced.activation, strict=True
    ):
        embedded, written = (state.clone() for state in zeros)
        own = replaced.transcoder
        for step, target in enumerate(own.targets(int(place))):
            decoder = own.decoder[place][feature, step] / own.output_scale[target]
            written[own.layers[target], position] = activation * decoder
        yield embedded, written
    for layer in range(replaced.n_layers):
        for position in range(replaced.n_positions):
            written = zeros[1].clone()
            written[layer, position] = replaced.errors[layer, position]
            yield zeros[0], written
    for position in range(replaced.n_positions):
        embedded = zeros[0].clone()
        embedded[0, position] = replaced.frozen.embedded[0, position]
        yield embedded, zeros[1]


def read(replaced, embedded, written):
    """What all features and one direction read in the frozen model with these leaves."""
    own = replaced.transcoder
    with torch.no_grad():
        states, final = replaced.frozen.run(
            embedded,
            lambda layer, x: written[layer][None] + (0 if own.skip is None else x @ own.skip[layer].to(x)),
        )
    features = [
        own.input_scale[place] * states[place][0, position] @ own.encoder[place, :, feature].to(final)
        for place, position, feature in zip(replaced.place, replaced.position, replaced.feature, strict=True)
    ]
    return torch.stack([final[0, -1] @ direction().to(final)[0], *features])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("transcoder", ["cross_layer", "per_layer"])
def test_an_edge_is_what_changes_when_its_source_is_zeroed(kind, transcoder):
    replaced = local(kind, kind=transcoder, features=6, skip=transcoder == "per_layer")
    edges = all_edges(replaced, direction()).edges
    whole = replaced.frozen.embedded, torch.cat(replaced.frozen.written)
    if replaced.transcoder.skip is not None:  # what the skip connection writes follows from what is read
        skipped = [state[0] @ skip for state, skip in zip(replaced.frozen.read, replaced.transcoder.skip, strict=True)]
        whole = whole[0], whole[1] - torch.stack(skipped)
    before = read(replaced, *whole)
    sources = list(outputs(replaced))
    assert len(sources) + 1 == edges.shape[1]
    for number in range(0, len(sources), 3):
        without = (state - part for state, part in zip(whole, sources[number], strict=True))
        change = before - read(replaced, *without)
        torch.testing.assert_close(edges[:, number], change, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_sum_to_what_is_read_in_double_precision(kind):
    expanded = all_edges(local(kind, double=True, skip=kind == "llama"), direction(torch.float64))
    assert expanded.edges.dtype == torch.float64
    torch.testing.assert_close(expanded.edges.sum(1), expanded.values, atol=1e-9, rtol=1e-9)
    assert expanded.residue < 1e-9


def test_stacks_are_one_backward_pass_for_each_target():
    replaced = local("gemma2")
    torch.testing.assert_close(
        all_edges(replaced, direction()).edges, all_edges(replaced, direction(), size=1).edges, atol=1e-6, rtol=1e-5
    )


def test_edges_into_a_target_are_gradients_of_the_plain_module(monkeypatch):
    """Denominators and patterns are detached in transformers' own code, MLP outputs are leaves."""
    replaced = local("llama")
    edges = all_edges(replaced, direction()).edges[0]
    module, leaves = tiny("llama"), []

    def norm(self, states):
        size = (states.pow(2).mean(-1, keepdim=True) + self.variance_epsilon).sqrt()
        return self.weight * states / size.detach()

    def softmax(scores, *args, plain=torch.nn.functional.softmax, **options):
        return plain(scores, *args, **options).detach()

    def mlp(self, states):
        written = self.down_proj(self.act_fn(self.gate_proj(states)) * self.up_proj(states))
        leaves.append(written.detach().requires_grad_(True))
        return leaves[-1]

    monkeypatch.setattr(type(module.model.norm), "forward", norm)
    monkeypatch.setattr(torch.nn.functional, "softmax", softmax)
    monkeypatch.setattr(type(module.model.layers[0].mlp), "forward", mlp)
    final = module.model(replaced.frozen.batch.ids).last_hidden_state[0, -1]
    slopes = torch.autograd.grad(final @ direction()[0], leaves)
    expected = [
        sum((slope * part).sum() for slope, part in zip(slopes, written[:, None], strict=True))
        for embedded, written in outputs(replaced)
        if not embedded.any()
    ]
    torch.testing.assert_close(edges[: len(expected)], torch.stack(expected), atol=1e-5, rtol=1e-4)
