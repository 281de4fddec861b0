"""Every method takes a name or a Metric: a user's own, and the loss, against plain loops and exact patching."""

import copy

import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.oracles import attribution as by_hand
from tests.oracles import circuit as circuits
from tests.oracles import patching_edges as one_edge
from tests.patching.cases import encoded, ids, make_pairs, plain, token, wrapped
from workbench.errors import BadArgument
from workbench.model.metrics import Metric, answer_probability, logit_difference, nll

PAIRS = make_pairs([5, 7, 6, 6], seed=1)
ANSWERS = [token(pair.answer) for pair in PAIRS]
QUIET = {"progress": False}
EVERY = [(layer, head) for layer in range(3) for head in range(4)]


def named(metric):
    return getattr(metric, "name", metric)


def log_probability(logits, batch):
    return logits.log_softmax(-1)[range(len(batch)), [ANSWERS[row] for row in batch.rows]]


def surprise(logits, batch):
    """Of every token after a real one, squared: it reads all positions and bends."""
    found = logits[:, :-1].log_softmax(-1).gather(2, batch.ids[:, 1:, None])[..., 0].square()
    real = batch.mask[:, :-1] == 1
    return torch.where(real, found, 0.0).sum(1) / real.sum(1)


LOG_PROBABILITY = Metric("log_probability", "nats", log_probability)
SURPRISE = Metric("surprise", "squared nats", surprise, last=False)
BY_LOGITS = Metric("nll", "nats", nll.of, last=False, lower_is_better=True)


def read(row):
    """LOG_PROBABILITY of one prompt's last logits, written again."""
    return lambda logits: logits[ANSWERS[row]] - logits.logsumexp(0)


@pytest.mark.parametrize("kind", ["llama", "gemma2", "cohere"])
def test_attribution_of_a_users_metric_is_its_gradient(kind):
    result = wb.patching.attribution(wrapped(kind), PAIRS, metric=LOG_PROBABILITY, **QUIET)
    for row, pair in enumerate(encoded(PAIRS)):
        expected = by_hand.residual(plain(kind), pair, read(row))
        found = result.pair_value[row] - result.target_value[row]
        np.testing.assert_allclose(found[:, -len(pair[1]) :], expected[:-1], atol=1e-5)
    assert result.attrs["metric"] == "log_probability"
    assert result.pair_value.attrs["units"] == "nats"


@pytest.mark.parametrize("metric", [SURPRISE, "nll", BY_LOGITS], ids=["surprise", "nll", "nll of logits"])
def test_attribution_of_all_positions_agrees_with_finite_differences(metric):
    module = copy.deepcopy(plain("llama")).double().requires_grad_(False)
    result = wb.patching.attribution(wrapped("llama"), PAIRS, metric=metric, **QUIET)

    def value(embedded, prompt):
        losses = -module(inputs_embeds=embedded[None]).logits[0, :-1].log_softmax(-1)
        losses = losses.gather(1, torch.tensor(prompt)[1:, None])[:, 0]
        return (losses**2 if metric is SURPRISE else losses).mean()

    for row, (source, target) in enumerate(encoded(PAIRS)):
        given, own = (module.get_input_embeddings()(torch.tensor(prompt)).detach() for prompt in (source, target))
        assert float(result.target_value[row]) == pytest.approx(float(value(own, target)), abs=1e-5)
        assert float(result.source_value[row]) == pytest.approx(float(value(given, source)), abs=1e-5)
        found = (result.pair_value[row, 0, -len(target) :] - result.target_value[row]).values
        start = own.clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(value(start, target), start)
        np.testing.assert_allclose(found, ((given - own) * slope).sum(1), atol=2e-5)
        for position in range(len(target)):
            step = torch.zeros_like(own)
            step[position] = 1e-2 * (given - own)[position]  # its norms compute in float32: a smaller one is lost
            change = float(value(own + step, target) - value(own - step, target)) / 2e-2
            assert found[position] == pytest.approx(change, abs=2e-3, rel=1e-2)


@pytest.mark.parametrize("site", ["residual", "residual_post", "head"])
@pytest.mark.parametrize("metric", ["nll", SURPRISE, LOG_PROBABILITY], ids=named)
def test_sampled_cells_of_any_metric_are_those_of_the_sweep(site, metric):
    model = wrapped("gemma2")
    result = wb.patching.attribution(model, PAIRS, site=site, metric=metric, sample=10**3, **QUIET)
    swept = wb.patching.sweep(model, PAIRS, site=site, metric=metric, **QUIET)
    axis = "head" if site == "head" else "position"
    place = {"layer": result.cell_layer, axis: result[f"cell_{axis}"]}
    np.testing.assert_allclose(result.exact, swept.effect.sel(place), atol=2e-3)  # divided by small differences
    for end in ("source_value", "target_value"):
        np.testing.assert_allclose(result[end], swept[end], atol=1e-6)


def test_a_sweep_of_a_users_metric_agrees_with_the_loss():
    found, own = (wb.patching.sweep(wrapped("cohere"), PAIRS, metric=metric, **QUIET) for metric in ("nll", BY_LOGITS))
    np.testing.assert_allclose(found.pair_value, own.pair_value, atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_edges_of_a_users_metric_are_its_slopes(kind):
    result = wb.patching.edges(wrapped(kind), PAIRS, metric=LOG_PROBABILITY, sample=4, **QUIET)
    some = [("head 0.1", "mlp 1"), ("embedding", "logits"), ("mlp 0", "q 2.1"), ("head 1.2", "logits")]
    for row, pair in enumerate(encoded(PAIRS)):
        for sender, receiver in some:
            ends = [one_edge_name(name) for name in (sender, receiver)]
            expected = one_edge.attributed(plain(kind), pair, *ends, read(row), 0)
            value = result.pair_value.sel(sender=sender, receiver=receiver)[row] - result.target_value[row]
            assert float(value) == pytest.approx(expected, abs=1e-5), ends


def one_edge_name(name):
    kind, _, where = name.partition(" ")
    return (kind, *(int(number) for number in where.split(".") if number))


@pytest.mark.parametrize("metric", ["nll", SURPRISE], ids=named)
def test_edges_into_the_logits_sum_to_the_last_residual(metric):
    model = wrapped("llama")
    found = wb.patching.edges(model, PAIRS, metric=metric, sample=3, **QUIET)
    states = wb.patching.attribution(model, PAIRS, metric=metric, site="residual_post", sample=3, **QUIET)
    parts = (found.pair_value.sel(receiver="logits") - found.target_value).sum("sender")
    whole = (states.pair_value.isel(layer=-1) - states.target_value).sum("position")
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_a_circuit_of_a_users_metric_agrees_with_the_loops():
    module = plain("llama")
    result = wb.patching.circuit(wrapped("llama"), PAIRS, metric=LOG_PROBABILITY, controls=2, **QUIET)
    prompts = [source for source, _ in encoded(PAIRS)]
    reads = [read(row) for row in range(len(PAIRS))]
    means = circuits.mean_outputs(module, prompts)
    order = circuits.greedy(module, prompts[::2], reads[::2], EVERY, means)
    assert {head: int(result["rank"][head]) for head in EVERY} == {h: len(order) - i for i, h in enumerate(order)}

    def measure(heads):
        return sum(circuits.kept(module, prompts[i], heads, means, reads[i]) for i in (1, 3)) / 2

    none, whole = measure([]), measure(EVERY)
    for size in (1, 5, 11):
        share = (measure(order[len(order) - size :]) - none) / (whole - none)
        assert float(result.faithfulness[size]) == pytest.approx(float(share), abs=1e-3)


def test_a_circuit_of_a_loss_keeps_what_keeps_it_low():
    options = {"over": ("head", "neuron"), "candidates": 3, "controls": 2, **QUIET}
    high = Metric("minus", "nats", lambda logits, batch: -nll.of(logits, batch), last=False)
    found = [wb.patching.circuit(wrapped("llama"), PAIRS, metric=metric, **options) for metric in ("nll", high)]
    for name in ("rank", "neuron_rank"):
        np.testing.assert_array_equal(found[0][name], found[1][name])
    np.testing.assert_allclose(found[0].faithfulness, found[1].faithfulness, atol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "gemma2", "cohere", "opt"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_shortcuts_give_what_the_logits_give(kind, side):
    model = wrapped(kind)
    texts = ["ab", "a longer text", "middle"]
    batch = model.batch(texts, side=side)
    states = []
    handle = model.bridge.ln_final.register_forward_pre_hook(lambda part, args: states.append(args[0]))
    with torch.no_grad():
        model.states(batch)
        handle.remove()
        for metric in (nll, logit_difference([5, 6, 7], [8, 9, 10]), answer_probability([[5, 6], [7], [8]])):
            found = metric.read(model, states[0][None], batch)[0]
            for row, text in enumerate(texts):
                logits = plain(kind)(torch.tensor([ids(text)])).logits.float()
                alone = model.batch(text)
                alone = type(alone)(alone.ids, alone.mask, ("",), (row,))
                wanted = metric.of(logits[:, -1] if metric.last else logits, alone)
                torch.testing.assert_close(found[row], wanted[0], atol=1e-5, rtol=1e-4)


def test_what_is_no_metric_is_refused():
    model = wrapped("llama")
    flat = Metric("largest token", "token", lambda logits, batch: logits.argmax(-1).float())
    assert wb.patching.sweep(model, PAIRS, metric=flat, **QUIET).attrs["metric"] == "largest token"
    for method in (wb.patching.attribution, wb.patching.edges):
        with pytest.raises(BadArgument, match=r"'largest token' has no gradient; patching\.sweep takes metrics"):
            method(model, PAIRS, metric=flat, **QUIET)
    wide = Metric("all logits", "logits", lambda logits, batch: logits)
    with pytest.raises(BadArgument, match=r"'all logits' gives shape \(4, 300\); give one number for each"):
        wb.patching.sweep(model, PAIRS, metric=wide, **QUIET)
    for method in (wb.patching.attribution, wb.patching.edges, wb.patching.circuit):
        with pytest.raises(BadArgument, match="metric='logits' is not a metric"):
            method(model, PAIRS, metric="logits", **QUIET)
        with pytest.raises(BadArgument, match="give a text or a Metric"):
            method(model, PAIRS, metric=log_probability, **QUIET)


TEXTS = {"de": ["Guten Tag", "ja"], "en": ["Good day to you", "a cat"]}


@pytest.mark.parametrize("batch_size", [1, 2])
def test_heads_and_neurons_are_measured_by_a_users_metric(batch_size):
    """The last token's surest guess: texts of other lengths stand beside each other, padded on the right."""
    model, corpus = wrapped("llama"), wb.load_corpus(TEXTS)
    metric = Metric("surest", "nats", lambda logits, batch: logits.log_softmax(-1).amax(-1))
    options = {"metric": metric, "batch_size": batch_size, **QUIET}

    def change(text, **edit):
        with torch.no_grad():
            clean = model.logits(model.batch(text))[0, -1].log_softmax(-1).max()
            with wb.model.edited(model, **edit):
                return float(model.logits(model.batch(text))[0, -1].log_softmax(-1).max() - clean)

    heads, neurons = torch.ones(3, 4), torch.ones(3, model.n_neurons)
    heads[1, 2] = neurons[0, 3] = neurons[2, 5] = 0
    wanted = [[change(text, heads=heads) for text in texts] for texts in TEXTS.values()]
    alone = wb.heads.ablate(model, corpus, heads=[(1, 2)], **options)
    np.testing.assert_allclose(alone.sample_delta[:, :, 1, 2], wanted, atol=1e-5)
    own = {key: value for key, value in alone.delta.attrs.items() if key != "ancillary_variables"}
    assert own == {"long_name": "change of the surest without the head", "units": "nats", "role": "score"}
    group = wb.heads.knockout(model, corpus, {"one": [(1, 2)]}, controls=0, **options)
    np.testing.assert_allclose(group.sample_delta[0], wanted, atol=1e-5)
    wanted = [[change(text, neurons=neurons) for text in texts] for texts in TEXTS.values()]
    group = wb.neurons.knockout(model, corpus, {"two": [(0, 3), (2, 5)]}, controls=0, **options)
    np.testing.assert_allclose(group.sample_delta[0], wanted, atol=1e-5)
    assert group.baseline.attrs["long_name"] == "mean surest"
    assert isinstance(group, xr.Dataset)
