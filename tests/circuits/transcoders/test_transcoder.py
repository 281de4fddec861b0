"""The definition of a transcoder, against plain loops."""

import pytest
import torch

from tests.circuits.cases import model_of, random_transcoder
from workbench.circuits.transcoders.states import read_and_written
from workbench.errors import BadTranscoder
from workbench.model.activations import tensors


@pytest.mark.parametrize("kind", ["cross_layer", "per_layer"])
@pytest.mark.parametrize("skip", [False, True])
def test_output_is_the_sum_of_the_definition(kind, skip):
    made = random_transcoder(3, 5, features=7, kind=kind, skip=skip)
    states = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    activations = [made.encode(place, states[place]) for place in range(3)]
    for layer in range(3):
        for feature in range(7):
            h = float(made.encoder_bias[layer, feature])
            h += sum(
                float(made.input_scale[layer] * states[layer, d] * made.encoder[layer, d, feature]) for d in range(5)
            )
            expected = h if h > made.threshold[layer, feature] else 0.0
            assert float(activations[layer][feature]) == pytest.approx(expected, abs=1e-5)
    for target in range(3):
        total = made.decoder_bias[target].clone()
        for source in range(target + 1):
            if kind == "per_layer" and source != target:
                continue
            for feature in range(7):
                total += activations[source][feature] * made.decoder[source][feature, target - source]
        total /= made.output_scale[target]
        if skip:
            total += states[target] @ made.skip[target]  # pyright: ignore[reportOptionalSubscript]
        torch.testing.assert_close(made.output(target, activations, states[target]), total, atol=1e-5, rtol=1e-5)


def test_topk_leaves_the_largest():
    made = random_transcoder(1, 5, features=7)
    top = type(made)(**{**{n: getattr(made, n) for n in made.__dataclass_fields__}, "activation": "topk", "k": 2})
    values = torch.tensor([0.3, -1.0, 2.0, 0.1, 1.0, -0.2, 0.0])
    assert top.activate(0, values).tolist() == [0, 0, 2.0, 0, 1.0, 0, 0]


def test_what_is_broken_is_refused():
    made = random_transcoder(2, 4, features=6)
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    with pytest.raises(BadTranscoder, match=r"encoder_bias has shape \[2, 5\], expected \[2, 6\]"):
        type(made)(**{**fields, "encoder_bias": torch.zeros(2, 5)})
    with pytest.raises(BadTranscoder, match="NaN"):
        type(made)(**{**fields, "threshold": torch.full((2, 6), torch.nan)})
    for k in (None, 0, 7):
        with pytest.raises(BadTranscoder, match="topk"):
            type(made)(**{**fields, "activation": "topk", "k": k})
    with pytest.raises(BadTranscoder, match="width 4 in layers up to 1"):
        read_and_written(model_of(), made, model_of().batch("Hallo"))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "cohere", "bloom"])
def test_what_is_written_is_what_the_residual_stream_receives(architecture):
    model = model_of(architecture)
    batch = model.batch(["Hallo Welt", "Na"])
    made = random_transcoder(model.n_layers, model.d_model)
    _, written = read_and_written(model, made, batch)
    sites = [(site, i) for site in ("residual", "attention_out", "residual_post") for i in range(model.n_layers)]
    seen = tensors(model, batch, sites)
    for i in range(model.n_layers):
        rest = seen["residual_post", i] - seen["residual", i] - seen["attention_out", i]
        torch.testing.assert_close(written[i], rest, atol=1e-5, rtol=1e-5)
