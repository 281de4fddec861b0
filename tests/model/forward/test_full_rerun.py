"""A model whose layers cannot be called on their own gives the same numbers by full reruns, and warns once."""

import warnings
from contextlib import contextmanager

import pytest
import torch

from tests.model.forward.test_rerun import CLOSE, make_batch
from tests.model.test_edits import draw
from workbench.model.forward.record import record
from workbench.model.forward.rerun import replace_heads, replace_positions, rescale, run_from_layer


@contextmanager
def without_restart(model):
    model.abilities["restart"] = False
    model.warned.add("restart")
    try:
        yield
    finally:
        model.abilities["restart"] = True
        model.warned.clear()


def runs(model, batch):
    """Every kind of rerun, with and without the last position alone."""
    recording = record(model, batch, heads=True, keys=True)
    generator = torch.Generator().manual_seed(3)
    layer, samples, width = 1, *batch.ids.shape
    value = torch.randn(2, samples, width - 2, model.d_head, generator=generator)
    state = torch.randn(3, samples, model.d_model, generator=generator)
    stacked = torch.randn(2 * samples, width, model.d_model, generator=generator)
    heads, fill, neurons, _ = draw(model)
    for last in (False, True):
        for at in (layer, model.n_layers - 1, model.n_layers):
            yield run_from_layer(recording, at, stacked, copies=2, last=last)
            yield replace_positions(recording, at, [4, 6, 6], state, last=last)
        for at in (layer, model.n_layers - 1):
            yield replace_heads(recording, at, [0, 3], value, start=2, last=last)
        yield rescale(recording, heads=heads, head_fill=fill, neurons=neurons, last=last)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom", "gemma2"])
def test_full_reruns_give_the_same(kind, wrapped):
    model, batch = wrapped(kind), make_batch(lengths=(9, 9))
    expected = list(runs(model, batch))
    with without_restart(model):
        actual = list(runs(model, batch))
    assert len(actual) == len(expected) == 18
    for states, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(states, other, **CLOSE)


def test_the_warning_is_given_once(wrapped):
    model = wrapped("llama")
    with without_restart(model):
        model.warned.clear()
        with pytest.warns(UserWarning, match="every cell runs the whole model"):
            record(model, make_batch())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            record(model, make_batch())
