"""Interventions against hooks by hand, and frozen ones against the linear model by hand."""

import pytest
import torch

import workbench as wb
from tests.circuits.cases import model_of, random_transcoder
from workbench.errors import BadArgument, UnsupportedSite
from workbench.model.activations import tensors
from workbench.model.hooks import after, hooked

TEXTS = ["Hallo Welt", "Na"]
VALUES = {(0, 3): 0.0, (1, 2): -5.0, (1, 7): 2.0}


def by_hand(model, made, values, batch, real):
    """Logits with hooks that recompute one feature at a time; real [row, position] is where they are set."""
    changes = {}

    def read(place):
        def step(states):
            activations = made.encode(place, states)
            for (layer, feature), value in values.items():
                if layer == place:
                    changes[layer, feature] = (value - activations[..., feature]) * real

        return step

    def write(place):
        def step(output):
            total = output.clone()
            for (layer, feature), change in changes.items():
                if layer == place or (made.kind == "cross_layer" and layer < place):
                    decoder = made.decoder[layer][feature, place - layer] / made.output_scale[place]
                    total += change[..., None] * decoder
            return total

        return step

    sites = [(model.hook_point("mlp_in", i), read(i)) for i in range(model.n_layers)]
    sites += [(model.hook_point("mlp_out", i), write(i)) for i in range(model.n_layers)]
    with hooked([after(*site) for site in sites]):
        return model.logits(batch)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "cohere", "bloom", "neox"])
@pytest.mark.parametrize("kind", ["cross_layer", "per_layer"])
@torch.no_grad()
def test_it_is_hooks_by_hand(architecture, kind):
    model = model_of(architecture)
    made = random_transcoder(model.n_layers, model.d_model, kind=kind)
    batch = model.batch(TEXTS)
    real = batch.mask.clone()
    real[:, 0] = 0
    expected = by_hand(model, made, VALUES, batch, real)
    with wb.circuits.intervene(made, model, VALUES):
        edited = model.logits(batch)
        again = model.logits(batch)
    torch.testing.assert_close(edited, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(edited, again)
    assert not torch.allclose(edited, model.logits(batch), atol=1e-3)


@torch.no_grad()
def test_positions_count_from_the_first_real_token_or_the_last():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    for side in ("right", "left"):
        batch = model.batch(TEXTS, side=side)
        real = torch.zeros_like(batch.mask)
        for row, length in enumerate(batch.lengths.tolist()):
            start = 0 if side == "right" else batch.ids.shape[1] - length
            real[row, start + 1] = real[row, start + length - 1] = 1
        with wb.circuits.intervene(made, model, VALUES, positions=[1, -1]):
            edited = model.logits(batch)
        expected = by_hand(model, made, VALUES, batch, real)
        torch.testing.assert_close(edited[real > 0], expected[real > 0], atol=1e-5, rtol=1e-5)


def test_positions_that_no_text_has_are_refused():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    with pytest.raises(BadArgument, match="no text"), wb.circuits.intervene(made, model, VALUES, positions=[50]):
        model.logits(TEXTS)
    with pytest.raises(BadArgument, match="empty"), wb.circuits.intervene(made, model, VALUES, positions=[]):
        pass
    with wb.circuits.intervene(made, model, VALUES, positions=[8]):  # one of the texts has it
        model.logits(TEXTS)


@torch.no_grad()
def test_the_present_activation_changes_nothing():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    batch = model.batch("Na")
    place = int(batch.mask.sum()) - 1
    states = tensors(model, batch, [("mlp_in", 1)])["mlp_in", 1]
    values = {(1, f): float(made.encode(1, states)[0, place, f]) for f in range(5)}
    for frozen in (None, "attention", "all"):
        with wb.circuits.intervene(made, model, values, frozen=frozen, positions=[-1]):
            torch.testing.assert_close(model.logits(batch), model.logits("Na"), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_frozen_attention_leaves_the_patterns_and_nothing_else():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    batch = model.batch(TEXTS)
    sites = [("pattern", i) for i in range(model.n_layers)]
    clean = tensors(model, batch, sites)
    seen = {}
    for frozen in (None, "attention"):
        with wb.circuits.intervene(made, model, VALUES, frozen=frozen):
            seen[frozen] = tensors(model, batch, [*sites, ("residual_post", model.n_layers - 1)])

    def fixed(i):
        return lambda _: clean["pattern", i]

    with (
        hooked([after(model.hook_point("pattern", i), fixed(i)) for i in range(model.n_layers)]),
        wb.circuits.intervene(made, model, VALUES),
    ):
        expected = tensors(model, batch, [("residual_post", model.n_layers - 1)])["residual_post", model.n_layers - 1]
    real = batch.mask.bool()
    last = "residual_post", model.n_layers - 1
    torch.testing.assert_close(seen["attention"][last][real], expected[real], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(seen[None][last][real], expected[real], atol=1e-3)


@torch.no_grad()
def test_frozen_all_is_the_linear_model_by_hand():
    model = model_of("llama")
    made = random_transcoder(model.n_layers, model.d_model)
    batch = model.batch("Hallo Welt")
    sites = [(kind, i) for kind in ("pattern", "residual", "residual_mid", "mlp_in") for i in range(model.n_layers)]
    sites.append(("residual_post", model.n_layers - 1))
    clean = tensors(model, batch, sites)
    moved = torch.zeros_like(clean["residual", 0])  # change of the residual stream
    for i, layer in enumerate(model.module.model.layers):
        epsilon = model.config.rms_norm_eps
        size = (clean["residual", i].square().mean(-1, keepdim=True) + epsilon).sqrt()
        value = layer.self_attn.v_proj(layer.input_layernorm.weight * moved / size).unflatten(-1, (-1, model.d_head))
        value = value.repeat_interleave(model.n_heads // model.n_kv_heads, 2)
        mixed = torch.einsum("bhqk,bkhd->bqhd", clean["pattern", i], value).flatten(2)
        moved = moved + layer.self_attn.o_proj(mixed)
        for (source, feature), target in VALUES.items():
            if source <= i:
                change = target - made.encode(source, clean["mlp_in", source])[..., feature]
                change[:, 0] = 0
                moved = moved + change[..., None] * made.decoder[source][feature, i - source] / made.output_scale[i]
    last = "residual_post", model.n_layers - 1
    with wb.circuits.intervene(made, model, VALUES, frozen="all"):
        seen = tensors(model, batch, [last])[last]
    torch.testing.assert_close(seen, clean[last] + moved, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "cohere", "qwen3", "neox"])
@torch.no_grad()
def test_frozen_all_is_linear_in_the_value(architecture):
    model = model_of(architecture)
    made = random_transcoder(model.n_layers, model.d_model)
    batch = model.batch(TEXTS)
    outputs = []
    for value in (0.0, 1.0, 4.0):
        with wb.circuits.intervene(made, model, {(0, 3): value}, frozen="all"):
            outputs.append(tensors(model, batch, [("mlp_in", model.n_layers - 1)])["mlp_in", model.n_layers - 1])
    real = batch.mask.bool()
    first, second = (outputs[1] - outputs[0])[real], (outputs[2] - outputs[1])[real]
    assert float(first.abs().max()) > 1e-3
    torch.testing.assert_close(second, 3 * first, atol=1e-5, rtol=1e-4)


def test_generation_continues_with_the_features_set():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    with wb.circuits.intervene(made, model, {(0, 3): 30.0, (1, 2): 30.0}):
        written = wb.generate(model, "Na ja", tokens=4, progress=False).text[0]
        batch = model.batch("Na ja" + written)
        count = model.batch("Na ja").ids.shape[1]
        greedy = model.logits(batch).argmax(-1)[0, count - 1 : count + 2]
    assert greedy.tolist() == batch.ids[0, count : count + 3].tolist()


def test_what_cannot_be_is_refused():
    model = model_of()
    made = random_transcoder(model.n_layers, model.d_model)
    for wrong in ({(9, 0): 0.0}, {(0, 99): 0.0}, {(0, 1): float("nan")}):
        with pytest.raises(BadArgument), wb.circuits.intervene(made, model, wrong):
            pass
    with (
        pytest.raises(UnsupportedSite, match="pattern"),
        wb.circuits.intervene(random_transcoder(3, 32), model_of("opt"), {(0, 1): 0.0}, frozen="attention"),
    ):
        pass
    with wb.circuits.intervene(made, model, {}):
        model.logits("Na")
