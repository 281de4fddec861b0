"""Directions that are added to the residual stream, against plain hooks and sums by hand."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

import workbench as wb
from tests.model.forward.test_rerun import CLOSE, SHAPES, make_batch, plain_logits
from tests.oracles import patching as oracle
from tests.patching.cases import KINDS, encoded, make_pairs, plain, token
from tests.patching.cases import wrapped as patched
from workbench.errors import BadArgument, BadResult, UnsupportedSite
from workbench.model.edits import edited
from workbench.model.forward.record import record
from workbench.results.make import make_result

TEXTS = ["Guten Tag zusammen", "ja", "ein anderer Text"]


def steering(model, layers, seed=0, size=0.7, **attrs):
    """A Result with a random direction after some layers."""
    vectors = np.zeros((model.n_layers, model.d_model))
    vectors[layers] = size * np.random.default_rng(seed).normal(size=(len(layers), model.d_model))
    return xr.Dataset({"direction": (("layer", "d"), vectors)}, attrs=attrs)


@contextmanager
def by_hand(layers, directions, strength=1.0):
    """The same by a plain hook on each layer, at padding too."""
    with ExitStack() as stack:
        for layer, vector in enumerate(torch.as_tensor(directions.direction.values, dtype=torch.float32) * strength):

            def hook(module, args, output, vector=vector):
                return (output[0] + vector, *output[1:]) if isinstance(output, tuple) else output + vector

            stack.callback(layers[layer].register_forward_hook(hook).remove)
        yield


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", SHAPES)
def test_the_residual_grows_by_the_vector_at_real_positions_alone(kind, side, wrapped):
    model, batch = wrapped(kind), make_batch(side=side)
    last = model.n_layers - 1
    for layer in (0, last):
        directions = steering(model, [layer], strength=2.5)
        vector = torch.as_tensor(2.5 * directions.direction.values[layer], dtype=torch.float32)
        clean = record(model, batch).residual
        with edited(model, directions=directions):
            moved = record(model, batch).residual
        for i in range(layer + 1):
            assert torch.equal(moved[i], clean[i])
        real = batch.mask.bool()
        assert torch.equal(moved[layer + 1][real], (clean[layer + 1] + vector)[real])
        assert torch.equal(moved[layer + 1][~real], clean[layer + 1][~real])
        if layer < last:
            assert not torch.equal(moved[last + 1][real], clean[last + 1][real])


@pytest.mark.parametrize("kind", SHAPES)
def test_logits_equal_those_of_a_plain_hook(kind, wrapped):
    model, batch = wrapped(kind), make_batch(side="left")
    directions = steering(model, range(model.n_layers))
    real = batch.mask.bool()
    with edited(model, directions=directions.assign_attrs(strength=-1.5)):
        logits = plain_logits(model, batch)[real]
    with by_hand(model.bridge.blocks, directions, -1.5):
        torch.testing.assert_close(logits, plain_logits(model, batch)[real], **CLOSE)
    assert (logits - plain_logits(model, batch)[real]).abs().max() > 1e-3


def test_a_strength_of_0_changes_no_bit(wrapped):
    model, batch = wrapped("llama"), make_batch()
    with edited(model, directions=steering(model, [0, 2], strength=0)):
        logits = model.logits(batch)
    assert torch.equal(logits, model.logits(batch))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3", "opt"])
def test_generation_with_a_cache_equals_generation_without(kind, wrapped):
    model = wrapped(kind)
    directions = steering(model, [0, model.n_layers - 1], size=2.0)
    whole = replace(model, abilities={**model.abilities, "generate": False}, warned={"generate"})
    options = {"tokens": 6, "progress": False, "directions": directions}
    written = wb.generate(model, TEXTS, **options).text.tolist()
    assert written == wb.generate(whole, TEXTS, **options).text.tolist()
    assert written == [wb.generate(model, text, **options).text.item() for text in TEXTS], "padding adds nothing"
    with by_hand(model.bridge.blocks, directions):
        assert written == wb.generate(model, TEXTS, tokens=6, progress=False).text.tolist()
    assert written != wb.generate(model, TEXTS, tokens=6, progress=False).text.tolist()


@pytest.mark.parametrize("kind", [*KINDS, "opt"])
def test_a_sweep_equals_loops_over_unpadded_pairs_on_a_plain_module(kind):
    model, module, pairs = patched(kind), plain(kind), make_pairs([5, 7, 6], seed=1)
    directions = steering(model, [0, 1], size=1.0)
    with edited(model, directions=directions):
        states, heads = (wb.patching.sweep(model, pairs, site=site, progress=False) for site in ("residual", "head"))
    with by_hand(oracle.layers(module), directions):
        for row, pair in enumerate(encoded(pairs)):
            read = oracle.difference(token(pairs[row].answer), token(pairs[row].foil))
            wanted = oracle.residual(module, pair, read)
            np.testing.assert_allclose(states.pair_value[row, :, -len(pair[1]) :], wanted, atol=1e-5)
            np.testing.assert_allclose(heads.pair_value[row], oracle.heads(module, pair, read), atol=1e-5)
    clean = wb.patching.sweep(model, pairs, progress=False)
    assert np.nanmax(np.abs(states.pair_value - clean.pair_value)) > 1e-3


def test_heads_and_directions_together_and_after_a_stopped_pass(wrapped):
    model, batch = wrapped("llama"), make_batch(side="left")
    directions, scales = steering(model, [1]), torch.ones(model.n_layers, model.n_heads)
    scales[0, 1] = scales[2, 0] = 0
    real = batch.mask.bool()

    def stop(module, args):
        raise RuntimeError

    with edited(model, heads=scales, directions=directions):
        handle = model.bridge.blocks[1].register_forward_pre_hook(stop)
        with pytest.raises(RuntimeError):
            model.states(make_batch(lengths=(5, 3)))
        handle.remove()
        logits = model.logits(batch)[real]
    with edited(model, heads=scales), by_hand(model.bridge.blocks, directions):
        torch.testing.assert_close(logits, model.logits(batch)[real], **CLOSE)


def test_an_edit_that_does_not_run_in_every_pass_is_an_error(wrapped):
    model, batch = wrapped("llama"), make_batch()
    layer = model.bridge.blocks[1]
    own = layer.original_component.forward
    with (
        pytest.raises(UnsupportedSite, match=r"did not run once in each layer and pass \(2 passes\)"),
        pytest.MonkeyPatch.context() as patch,
        edited(model, directions=steering(model, [1])),
    ):
        model.states(batch)
        patch.setitem(
            layer.__dict__, "forward", lambda states, **named: own(states, **named)
        )  # past the module that is edited
        model.states(batch)


def test_a_direction_that_does_not_fit_is_refused(wrapped):
    model = wrapped("llama")
    good = steering(model, [0])

    def refused(directions, match, error=BadResult):
        with pytest.raises(error, match=match) as raised, edited(model, directions=directions):
            pass
        assert "\n" not in str(raised.value)

    refused(good.isel(d=slice(1, None)), "of width .*: this direction belongs to another model")
    refused(good.isel(layer=slice(1, None)), "belongs to another model")
    refused(good.where(good.layer > 0), "NaN, infinite or no numbers")
    refused(good.rename(direction="other"), "have no direction; give direction")
    refused(
        good.expand_dims(language=["de", "fr"]), r"direction\[language, layer, d\]; give direction\[layer, d\], of sev"
    )
    refused(good.assign_attrs(strength=np.nan), "strength", BadArgument)
    refused([1.0], "give a Result with direction", BadArgument)
    refused(torch.zeros(2, 2), r"directions have shape \[2, 2\]; give finite numbers", BadArgument)
    other = {**model.info, "name": "other", "hash": "0" * 64}
    variables = {"direction": (("layer", "d"), good.direction.values, "direction")}
    refused(make_result(variables, {}, method="x", parameters={}, model=other), "another model: 'other', whose weights")
    own = make_result(variables, {}, method="x", parameters={}, model=model.info)
    with edited(model, directions=own):
        states = model.states(make_batch())
    with edited(model, directions=torch.as_tensor(good.direction.values)):
        assert torch.equal(states, model.states(make_batch()))
