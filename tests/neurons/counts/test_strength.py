"""Moments, quantiles and merging against plain loops."""

import json

import numpy as np
import pytest
import torch
import xarray as xr

from tests.models import byte_tokenizer, tiny
from tests.neurons.effects.test_knockout import CORPUS, DOWN, TEXTS
from tests.oracles import strength as oracle
from workbench.errors import BadArgument, BadCounts
from workbench.model.batching import streamed
from workbench.neurons import firing, means, merge, quantiles
from workbench.neurons.counts.firing import Counter
from workbench.text.corpus import Corpus


def count(model, corpus=CORPUS, **options):
    return firing(model, corpus, progress=False, **{"moments": True, "sketch": True, **options})


@pytest.mark.parametrize("kind", DOWN)
def test_moments_and_quantiles_are_those_of_the_plain_loop(kind, wrapped):
    module = tiny(kind)
    found = count(wrapped(kind))
    mean, spread = means(found)
    parts = quantiles(found, [0, 0.1, 0.5, 0.9, 1])
    for language, rows in TEXTS.items():
        truth = np.array(oracle.activations(module, byte_tokenizer(), rows, DOWN[kind](module)))  # [layer, token, n]
        np.testing.assert_allclose(mean.sel(language=language), truth.mean(1), atol=2e-5)
        np.testing.assert_allclose(spread.sel(language=language), truth.std(1), atol=2e-4)
        for q in parts["quantile"].values:
            for layer in range(3):
                for neuron in range(0, truth.shape[2], 7):
                    wanted = oracle.quantile(truth[layer, :, neuron].tolist(), q)
                    value = float(parts.sel(quantile=q, language=language)[layer, neuron])
                    assert value == pytest.approx(wanted, rel=0.0911) or (value == 0 and abs(wanted) < 2**-10)
    assert (found.sketch.sum("bin") == found.tokens).all()
    np.testing.assert_array_equal(found.fired, count(wrapped(kind), moments=False, sketch=False).fired)


def test_merging_pieces_is_one_pass_bit_for_bit(wrapped):
    model = wrapped("llama")
    batches = list(streamed(model, CORPUS, batch_size=1))
    sums = [Counter(model, CORPUS.languages, moments=True, sketch=True) for _ in range(3)]
    for number, batch in enumerate(batches):
        sums[0].update(batch)
        sums[1 + number % 2].update(batch)

    def result(counter):
        data = {name: (dims, values.numpy()) for name, (dims, values, _) in counter.variables().items()}
        return xr.Dataset(data, {"language": list(CORPUS.languages)})

    whole, *pieces = map(result, sums)
    for order in (pieces, pieces[::-1]):
        both = merge(order)
        for name in whole.data_vars:
            np.testing.assert_array_equal(both[name].transpose(*whole[name].dims), whole[name], strict=True)


def test_pieces_of_a_corpus_merge_by_rows_and_by_languages(wrapped):
    model = wrapped("llama")
    whole = count(model, batch_size=1)
    rows = [Corpus({k: v[i : i + 1] for k, v in TEXTS.items()}, aligned=True, source=f"row {i}") for i in range(3)]
    for parts in (rows, [CORPUS.select("en"), CORPUS.select("de")]):
        both = merge([count(model, part, batch_size=1) for part in parts])
        for name in ("fired", "tokens", "total", "squares", "sketch"):
            np.testing.assert_array_equal(both[name], whole[name], strict=True)
        assert both.language.values.tolist() == ["en", "de"]


def test_sums_are_exact_whatever_the_order():
    from workbench.neurons.counts.strength import Strength

    values = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) * 30
    sums = []
    for order in (torch.arange(500), torch.randperm(500, generator=torch.Generator().manual_seed(1))):
        one = Strength(1, 1, 4, moments=True, sketch=False, device="cpu")
        for part in values[order].split(7):
            one.update(0, part, torch.ones(1, len(part)))
        sums.append((one.sums["total"], one.sums["squares"]))
    for first, second in zip(*sums, strict=True):
        assert torch.equal(first, second)


def test_prefixes_have_moments_of_their_own(wrapped):
    prefix = Corpus({k: tuple(t[:2] for t in v) for k, v in TEXTS.items()}, aligned=True, source="prefix")
    found = count(wrapped("llama"), prefix=prefix)
    # the texts are longer, so a value may be rounded to the next multiple of 2^-16
    np.testing.assert_allclose(found.prefix_total, count(wrapped("llama"), prefix).total, atol=1e-4)


def test_what_does_not_fit_is_refused(wrapped):
    model = wrapped("llama")
    bare, full = count(model, moments=False, sketch=False), count(model)
    with pytest.raises(BadCounts, match="given none"):
        merge([])
    with pytest.raises(BadCounts, match="part 1 has no `fired`"):
        merge([bare, xr.Dataset()])
    with pytest.raises(BadCounts, match="the same options"):
        merge([bare, full])
    with pytest.raises(BadCounts, match="part 1 has 47 along 'neuron', part 0 48"):
        merge([bare, bare.isel(neuron=slice(47))])
    named = [bare.assign_attrs(provenance=json.dumps({"model": {"hash": name}})) for name in "xy"]
    with pytest.raises(BadCounts, match="2 different models"):
        merge(named)
    with pytest.raises(BadCounts, match="moments=True"):
        means(bare)
    with pytest.raises(BadCounts, match="sketch=True"):
        quantiles(bare, 0.5)
    with pytest.raises(BadArgument, match=r"q=1\.5"):
        quantiles(full, 1.5)


def test_an_interrupted_batch_adds_nothing(wrapped, monkeypatch):
    from workbench.neurons.counts.strength import Strength

    model, update = wrapped("llama"), Strength.update
    batches = list(streamed(model, CORPUS, batch_size=3))
    alone, both = (Counter(model, CORPUS.languages, moments=True, sketch=True) for _ in range(2))
    for counter in (alone, both):
        counter.update(batches[0])

    def interrupted(self, layer, values, weights):
        update(self, layer, values, weights)
        if layer == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Strength, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        both.update(batches[1])
    assert torch.equal(alone.fired, both.fired)
    for name in ("total", "squares", "sketch"):
        assert torch.equal(alone.strength.sums[name], both.strength.sums[name])
