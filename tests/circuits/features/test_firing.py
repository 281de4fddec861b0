"""Counts of features against plain loops, and the results that take them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.errors import BadCounts, BadTranscoder, Interrupted, TooLarge
from workbench.model.activations import tensors
from workbench.text.corpus import Corpus

TEXTS = {"de": ("Der Hund bellt", "Es regnet", "Na ja"), "en": ("The dog barks", "It rains", "No")}
CORPUS = Corpus(TEXTS, aligned=True, source="test")


def loops(model, transcoder, text):
    """Activations [layer, token, feature] of one text without BOS, one token and feature at a time."""
    batch = model.batch(text)
    seen = tensors(model, batch, [("mlp_in", layer) for layer in transcoder.layers])
    values = torch.zeros(len(transcoder.layers), batch.ids.shape[1] - 1, transcoder.n_features)
    for place, layer in enumerate(transcoder.layers):
        for token in range(1, batch.ids.shape[1]):
            h = transcoder.input_scale[place] * seen["mlp_in", layer][0, token] @ transcoder.encoder[place]
            h = h + transcoder.encoder_bias[place]
            values[place, token - 1] = h * (h > transcoder.threshold[place])
    return values


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
def test_counts_are_those_of_a_loop(architecture):
    model = model_of(architecture)
    made = random_transcoder(model.n_layers, model.d_model)
    counts = wb.circuits.firing(made, model, CORPUS, moments=True, batch_size=2, progress=False)
    for language, texts in TEXTS.items():
        own = counts.sel(language=language)
        activations = [loops(model, made, text) for text in texts]
        fires = [values > 0 for values in activations]
        assert int(own.tokens) == sum(values.shape[1] for values in activations)
        assert int(own.texts) == 3
        expected = {
            "fired": [values.sum(1) for values in fires],
            "texts_fired": [values.any(1).long() for values in fires],
            "total": [values.sum(1) for values in activations],
        }
        for name, each in expected.items():
            np.testing.assert_allclose(own[name].values, torch.stack(each).sum(0).numpy(), rtol=0, atol=1e-3)
    mean, _ = wb.neurons.means(counts)
    assert mean.dims == ("language", "layer", "feature")


@pytest.mark.parametrize("reads", ["residual_mid", "mlp_normalized", "residual_post"])
def test_features_read_any_site_also_inside_a_norm(reads):
    model = model_of("gemma2")
    made = replace(random_transcoder(model.n_layers, model.d_model, kind="per_layer"), reads=reads)
    counts = wb.circuits.firing(made, model, CORPUS, progress=False)
    fired = np.zeros((model.n_layers, made.n_features))
    for text in TEXTS["de"]:
        for layer, states in enumerate(wb.model.capture(model, text, reads)[reads].values[0]):
            fired[layer] += (made.encode(layer, torch.tensor(states[1:])) > 0).sum(0).numpy()
    np.testing.assert_array_equal(counts.fired.sel(language="de"), fired)
    assert wb.circuits.overlap(made, model, CORPUS, permutations=9, progress=False).jaccard.notnull().all()


def test_layers_are_those_of_the_model_and_results_go_over_features():
    model = model_of()
    whole = random_transcoder(model.n_layers, model.d_model)
    two = replace(
        whole,
        kind="per_layer",
        layers=(1, 2),
        encoder=whole.encoder[1:],
        encoder_bias=whole.encoder_bias[1:],
        threshold=whole.threshold[1:],
        decoder=tuple(weight[:, :1] for weight in whole.decoder[1:]),
        decoder_bias=whole.decoder_bias[1:],
        input_scale=whole.input_scale[1:],
        output_scale=whole.output_scale[1:],
    )
    counts = wb.circuits.firing(two, model, CORPUS, progress=False)
    assert counts["layer"].values.tolist() == [1, 2]
    all_layers = wb.circuits.firing(whole, model, CORPUS, progress=False)
    np.testing.assert_array_equal(counts.fired.values, all_layers.fired.values[:, 1:])
    for result in (wb.neurons.lape(counts, top_rate=0.1), wb.neurons.ternary(counts, top_rate=0.1)):
        assert result.member.dims == ("language", "layer", "feature")
        assert result["layer"].values.tolist() == [1, 2]
        assert "neuron" not in str({name: values.attrs for name, values in result.data_vars.items()})


def test_counts_by_hand_give_the_classes_of_neurons():
    model = model_of()
    counts = wb.circuits.firing(random_transcoder(model.n_layers, model.d_model), model, CORPUS, progress=False)
    renamed = counts[["fired", "tokens"]].rename(feature="neuron")
    for classes in (wb.neurons.lape, wb.neurons.ternary):
        mine, theirs = classes(counts, top_rate=0.1), classes(renamed, top_rate=0.1)
        for name in mine.data_vars:
            np.testing.assert_array_equal(mine[name].values, theirs[name].values)


def test_parts_merge_to_the_whole():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    rows = (slice(1), slice(1, 3))
    parts = [Corpus({k: v[part] for k, v in TEXTS.items()}, aligned=True, source="t") for part in rows]
    merged = wb.neurons.merge([wb.circuits.firing(made, model, part, moments=True, progress=False) for part in parts])
    whole = wb.circuits.firing(made, model, CORPUS, moments=True, progress=False)
    for name in whole.data_vars:  # activations of batches of another size differ by rounding, counts do not
        mine, rounding = merged[name].transpose(*whole[name].dims), 1e-4 if name in ("total", "squares") else 0
        np.testing.assert_allclose(mine.values, whole[name].values, rtol=rounding, atol=rounding)


def test_draws_count_texts_as_often_as_they_are_drawn():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    counts = wb.circuits.firing(made, model, CORPUS, draws=5, seed=3, batch_size=2, progress=False)
    per_text = np.stack(
        [[(loops(model, made, text) > 0).sum(1).numpy() for text in texts] for texts in TEXTS.values()]
    )  # [language, text, layer, feature]
    tokens = np.array([[loops(model, made, text).shape[1] for text in texts] for texts in TEXTS.values()])
    for draw in range(5):
        fits = [
            times
            for times in np.ndindex(4, 4, 4)
            if sum(times) == 3
            and (counts.drawn_tokens[draw].values == tokens @ times).all()
            and (counts.drawn_fired[draw].values == np.einsum("ktlf,t->klf", per_text, times)).all()
        ]
        assert len(fits) == 1  # the same rows in both languages
    reversed_rows = Corpus({k: v[::-1] for k, v in TEXTS.items()}, aligned=True, source="test")
    again = wb.circuits.firing(made, model, reversed_rows, draws=5, seed=3, progress=False)
    np.testing.assert_array_equal(again.drawn_fired.values, counts.drawn_fired.values)


def test_what_does_not_fit_is_refused():
    model = model_of()
    with pytest.raises(BadTranscoder, match="width 8"):
        wb.circuits.firing(random_transcoder(2, 8), model, CORPUS)
    made = random_transcoder(model.n_layers, model.d_model)
    small = wb.load_model(model.module, tokenizer=model.tokenizer, memory=10**6)
    with pytest.raises(TooLarge, match="draw fewer"):
        wb.circuits.firing(made, small, CORPUS, draws=10**6)
    counts = wb.circuits.firing(made, model, CORPUS, progress=False)
    with pytest.raises(BadCounts):
        wb.neurons.lape(counts.drop_vars("fired"))


def test_an_interruption_returns_what_was_counted(monkeypatch):
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    whole = wb.circuits.firing(made, model, CORPUS, batch_size=2, progress=False)
    run, calls = type(model).states, []

    def states(self, batch, **options):
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(self, batch, **options)

    monkeypatch.setattr(type(model), "states", states)
    with pytest.raises(Interrupted, match="after 2 of 6 texts") as stopped:
        wb.circuits.firing(made, model, CORPUS, batch_size=2, progress=False)
    partial = stopped.value.partial
    assert int(partial.texts.sum()) == 2
    assert 0 < int(partial.fired.sum()) < int(whole.fired.sum())
