"""The engine against hooks on the whole model, run again for every cell."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.model.forward.record import record
from workbench.model.forward.rerun import replace_heads, replace_positions
from workbench.model.gradients import head_gradient
from workbench.model.metrics import answer_probability, logit_difference, nll, read_nll
from workbench.text.batches import Batch, pad

SHAPES = [
    *("gpt2", "llama", "qwen2", "qwen3", "gemma2", "gemma3", "mistral", "bloom"),
    *("cohere", "cohere2", "neox", "phi3", "opt", "xglm", "qwen3_moe"),
]
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def make_batch(lengths=(11, 7, 9), side="right", seed=0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randint(4, 259, (n,), generator=generator).tolist() for n in lengths]
    ids, mask = pad(rows, 0, side)
    return Batch(ids, mask, ("en",) * len(rows), tuple(range(len(rows))))


@torch.no_grad()
def plain_logits(model, batch, edit=None, site=None):
    """The whole model, once, with one tensor edited by a hook."""
    handles = [model.hook_point(*site).register_forward_hook(lambda m, a, output: edit(output))] if edit else []
    try:
        return model.logits(batch)
    finally:
        for handle in handles:
            handle.remove()


def plain_nll(logits, batch):
    """Mean over a sample's real tokens but the first, one token at a time."""
    values = []
    for row, ids, mask in zip(logits, batch.ids, batch.mask, strict=True):
        real = mask.nonzero().flatten().tolist()
        losses = [-row[a].log_softmax(-1)[ids[b]] for a, b in pairwise(real)]
        values.append(sum(losses) / len(losses))
    return torch.stack(values)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", SHAPES)
def test_a_replaced_head_equals_a_full_pass_with_hooks(kind, side, wrapped):
    model, batch = wrapped(kind), make_batch(side=side)
    recording = record(model, batch, heads=True)
    for layer in range(model.n_layers):
        zero = torch.zeros(1, 1, 1, model.d_head)
        losses = nll.read(model, replace_heads(recording, layer, [0, 3], zero), batch)
        for cell, head in enumerate([0, 3]):

            def edit(z, head=head):
                z = z.reshape(*batch.ids.shape, model.n_heads, model.d_head).clone()
                z[:, :, head] = 0
                return z.flatten(2)

            projection = model.attention_parts(layer)[1]
            handle = projection.register_forward_pre_hook(lambda m, args, edit=edit: (edit(args[0]),))
            wanted = plain_nll(plain_logits(model, batch), batch)
            handle.remove()
            torch.testing.assert_close(losses[cell], wanted, **CLOSE)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_replaced_position_equals_a_full_pass_with_hooks(kind, wrapped):
    model, batch = wrapped(kind), make_batch(side="left")
    recording = record(model, batch, keys=True)
    new = torch.randn(2, 3, model.d_model, generator=torch.Generator().manual_seed(1))
    metric = logit_difference(torch.tensor([5, 6, 7]), torch.tensor([8, 9, 10]))
    for layer in range(model.n_layers):
        states = replace_positions(recording, layer, [5, 7], new, last=True)
        values = metric.read(model, states, batch)
        for cell, position in enumerate([5, 7]):

            def edit(states, cell=cell, position=position):
                states = states.clone()
                states[:, position] = new[cell]
                return states

            logits = plain_logits(model, batch, edit, ("residual", layer))[:, -1]
            sample = torch.arange(3)
            wanted = logits[sample, [5, 6, 7]] - logits[sample, [8, 9, 10]]
            torch.testing.assert_close(values[cell], wanted, **CLOSE)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 14), min_size=1, max_size=4),
    layer=st.integers(0, 3),
    data=st.data(),
    kind=st.sampled_from(["llama", "gpt2", "bloom", "mistral", "gemma2"]),
)
def test_putting_back_what_was_there_changes_nothing(lengths, layer, data, kind, wrapped):
    model, batch = wrapped(kind), make_batch(lengths, side="left")
    width = batch.ids.shape[1]
    positions = sorted(data.draw(st.sets(st.integers(0, width - 1), min_size=1, max_size=4)))
    recording = record(model, batch, heads=True, keys=True)
    own = torch.stack([recording.residual[layer][:, p] for p in positions])
    states = replace_positions(recording, layer, positions, own)
    start = positions[0]
    for cell in range(len(positions)):
        real = batch.mask[:, start:].bool()
        torch.testing.assert_close(states[cell][real], recording.residual[-1][:, start:][real], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "bloom", "opt"])
def test_metrics_are_those_of_the_whole_logits(kind, wrapped):
    model, batch = wrapped(kind), make_batch(side="left")
    states = record(model, batch).residual[-1][None]
    logits = plain_logits(model, batch)
    torch.testing.assert_close(read_nll(model, states, batch)[0], plain_nll(logits, batch), **CLOSE)
    probability = answer_probability([[5, 6], [7], [8, 9, 10]]).read(model, states, batch)[0]
    wanted = torch.stack([logits[i, -1].softmax(-1)[t].sum() for i, t in enumerate([[5, 6], [7], [8, 9, 10]])])
    torch.testing.assert_close(probability, wanted, **CLOSE)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2", "cohere", "bloom", "xglm"])
def test_the_head_gradient_is_the_finite_difference_of_the_mask(kind, wrapped):
    model, batch = wrapped(kind), make_batch(side="left")
    gradient, losses = head_gradient(model, batch)
    torch.testing.assert_close(losses, plain_nll(plain_logits(model, batch), batch), **CLOSE)
    step = 1e-2
    for layer, head in [(0, 1), (1, 3), (2, 0)]:
        ends = []
        for sign in (1, -1):

            def scale(module, args, sign=sign, head=head):
                z = args[0].reshape(*batch.ids.shape, model.n_heads, model.d_head).clone()
                z[:, :, head] *= 1 + sign * step
                return (z.reshape(args[0].shape),)

            handle = model.attention_parts(layer)[1].register_forward_pre_hook(scale)
            ends.append(plain_nll(plain_logits(model, batch).double(), batch))
            handle.remove()
        wanted = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(gradient[:, layer, head].double(), wanted, atol=2e-4, rtol=2e-2)


def test_a_mask_of_ones_changes_nothing_and_parameters_keep_their_flags(wrapped):
    model, batch = wrapped("llama"), make_batch()
    plain, ones = head_gradient(model, batch), head_gradient(model, batch, torch.ones(3, 4))
    torch.testing.assert_close(plain, ones, atol=0, rtol=0)
    assert all(p.requires_grad and p.grad is None for p in model.module.parameters())
