"""Edits against hooks written from the definition, one cell and one layer at a time."""

from contextlib import ExitStack, contextmanager

import pytest
import torch

from tests.model.forward.test_rerun import CLOSE, SHAPES, make_batch, plain_logits, plain_nll
from workbench.errors import BadArgument
from workbench.model.edits import edited
from workbench.model.forward.record import record
from workbench.model.forward.rerun import rescale
from workbench.model.metrics import logit_difference, nll

WITH_NEURONS = [kind for kind in SHAPES if "moe" not in kind]


def draw(model, cells=3, seed=0):
    """Random scales with many ones in them, and random fills; cell 1 starts at layer 1, the last changes nothing."""
    generator = torch.Generator().manual_seed(seed)

    def random_scales(units):
        scale = torch.rand(cells, model.n_layers, units, generator=generator) * 2
        scale[torch.rand(scale.shape, generator=generator) < 0.6] = 1
        scale[1, 0], scale[-1] = 1, 1
        return scale

    fill = torch.randn(model.n_layers, model.n_heads, model.d_head, generator=generator)
    return (
        random_scales(model.n_heads),
        fill,
        random_scales(model.n_neurons),
        torch.randn(model.n_layers, model.n_neurons, generator=generator),
    )


@contextmanager
def by_hand(model, heads=None, head_fill=None, neurons=None, neuron_fill=None):
    """The same edits for one cell, by one hook for each unit."""
    with ExitStack() as stack:
        for layer in range(model.n_layers):
            parts = [(heads, head_fill, model.attention_parts(layer)[1], model.d_head)]
            if neurons is not None:
                parts.append((neurons, neuron_fill, model.bridge.blocks[layer].mlp.out, 1))
            for scale, fill, module, width in parts:
                if scale is None:
                    continue
                for unit in range(scale.shape[-1]):

                    def hook(module, args, scale=scale, fill=fill, width=width, unit=unit, layer=layer):
                        values = args[0].clone()
                        own = slice(unit * width, (unit + 1) * width)
                        base = 0 if fill is None else fill[layer, unit]
                        values[..., own] = base + (values[..., own] - base) * scale[layer, unit]
                        return (values, *args[1:])

                    handle = module.register_forward_pre_hook(hook)
                    stack.callback(handle.remove)
        yield


@pytest.mark.parametrize("kind", WITH_NEURONS)
def test_rescaled_heads_and_neurons_are_those_of_hooks_by_hand(kind, wrapped):
    model, batch = wrapped(kind), make_batch(side="left")
    heads, head_fill, neurons, neuron_fill = draw(model)
    recording = record(model, batch, heads=True)
    metric = logit_difference(torch.tensor([5, 6, 7]), torch.tensor([8, 9, 10]))
    edits = {
        "heads": {"heads": heads},
        "means": {"heads": heads, "head_fill": head_fill},
        "neurons": {"neurons": neurons, "neuron_fill": neuron_fill},
        "both": {"heads": heads, "neurons": neurons},
    }
    for edit in edits.values():
        losses = nll.read(model, rescale(recording, **edit), batch)
        last = metric.read(model, rescale(recording, **edit, last=True), batch)
        for cell in range(3):
            own = {name: value[cell] if name in ("heads", "neurons") else value for name, value in edit.items()}
            with by_hand(model, **own):
                logits = plain_logits(model, batch)
            torch.testing.assert_close(losses[cell], plain_nll(logits, batch), **CLOSE)
            wanted = logits[:, -1][torch.arange(3), [5, 6, 7]] - logits[:, -1][torch.arange(3), [8, 9, 10]]
            torch.testing.assert_close(last[cell], wanted, **CLOSE)


def test_edits_hold_in_generation(wrapped):
    model = wrapped("llama")
    heads, head_fill, _, _ = draw(model)
    ids = make_batch(lengths=(6, 6)).ids
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, "attention_mask": torch.ones_like(ids)}
    with edited(model, heads=heads[0], head_fill=head_fill):
        tokens = model.module.generate(ids, **options)
    with by_hand(model, heads[0], head_fill):
        assert torch.equal(tokens, model.module.generate(ids, **options))
        assert torch.equal(tokens, model.module.generate(ids, **options, use_cache=False))
    assert not torch.equal(tokens, model.module.generate(ids, **options))


def test_what_does_not_fit_is_refused(wrapped):
    model, batch = wrapped("llama"), make_batch()
    with pytest.raises(BadArgument, match=r"heads has shape \[2, 2\]"), edited(model, heads=torch.ones(2, 2)):
        pass
    rows = torch.zeros(2, model.n_layers, model.n_heads)
    with pytest.raises(BadArgument, match="2 rows do not fit a batch of 3"), edited(model, heads=rows):
        model.states(batch)
    with pytest.raises(BadArgument, match="same number of cells"):
        rescale(record(model, batch, heads=True))
