"""A ReLU MLP as a transcoder: same outputs, same firing, same classes as its neurons."""

import numpy as np
import pytest
import torch
import transformers as hf

import workbench as wb
from tests.circuits.cases import model_of
from tests.models import byte_tokenizer
from workbench.errors import UnsupportedSite
from workbench.model.activations import tensors


def relu_gpt2():
    torch.manual_seed(0)
    config = hf.GPT2Config(vocab_size=260, n_embd=32, n_layer=3, n_head=4, n_positions=64, activation_function="relu")
    module = hf.GPT2LMHeadModel(config).eval()
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    return wb.load_model(module, tokenizer=byte_tokenizer())


@pytest.mark.parametrize("build", [relu_gpt2, lambda: model_of("opt")])
@torch.no_grad()
def test_it_gives_what_the_mlp_gives(build):
    model = build()
    made = wb.circuits.exact(model)
    batch = model.batch(["Hallo Welt", "Na ja, gut"])
    layers = range(model.n_layers)
    seen = tensors(model, batch, [(site, i) for site in ("mlp_in", "mlp_out") for i in layers])
    real = batch.mask.flatten().bool()  # OPT merges rows and positions
    for place in layers:
        activations = [made.encode(i, seen["mlp_in", i].flatten(0, -2)[real]) for i in layers]
        written = seen["mlp_out", place].flatten(0, -2)[real]
        torch.testing.assert_close(made.output(place, activations), written, atol=1e-6, rtol=1e-6)


def test_switching_a_feature_off_is_switching_its_neuron_off():
    model = relu_gpt2()
    made = wb.circuits.exact(model)
    scales = torch.ones(model.n_layers, model.n_neurons)
    scales[0, 5] = scales[1, 9] = scales[1, 11] = 0
    everywhere = list(range(11))
    with torch.no_grad():
        with wb.circuits.intervene(made, model, {(0, 5): 0.0, (1, 9): 0.0, (1, 11): 0.0}, positions=everywhere):
            features = model.logits("Hallo Welt")
        with wb.model.edited(model, neurons=scales):
            neurons = model.logits("Hallo Welt")
    torch.testing.assert_close(features, neurons, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("layers", [1, 3])
def test_planted_neurons_are_found_as_features(layers):
    made = wb.planted.neurons("de,en,fr,it", layers=layers, neurons=900 // layers)
    if layers > 1:
        with pytest.raises(UnsupportedSite, match="layer 1 is no sum of ReLU features"):
            wb.circuits.exact(made.model, made.corpus)
    features = wb.circuits.exact(made.model, made.corpus, tolerance=1e-4 if layers == 1 else 1.0)
    counts = wb.circuits.firing(features, made.model, made.corpus, progress=False)
    neurons = wb.neurons.firing(made.model, made.corpus, progress=False)
    np.testing.assert_array_equal(counts.fired.values, neurons.fired.values)
    options = {name: made.truth.attrs[name] for name in ("top_rate", "bar")}
    classes = wb.neurons.lape(counts, **options)
    score = wb.planted.score(classes.rename(feature="neuron"), made.truth)
    assert score.attrs["macro_average_precision"] == 1


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_other_models_are_refused(architecture):
    with pytest.raises(UnsupportedSite, match="train a transcoder"):
        wb.circuits.exact(model_of(architecture))
    with pytest.raises(UnsupportedSite, match="experts"):
        wb.circuits.exact(model_of("qwen3_moe"))
