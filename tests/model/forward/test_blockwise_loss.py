"""The loss by blocks of the vocabulary is the plain cross-entropy, and its slope the plain gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.model.forward.blockwise_loss import next_token_loss, next_token_slope
from workbench.model.metrics import plain_unembedding


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 40), width=st.integers(1, 16), vocabulary=st.integers(1, 1300), scale=st.sampled_from([0.1, 5])
)
def test_equals_cross_entropy_and_its_gradient(rows, width, vocabulary, scale):
    generator = torch.Generator().manual_seed(rows * 31 + vocabulary)
    hidden = torch.randn(rows, width, generator=generator) * scale
    weight = torch.randn(vocabulary, width, generator=generator)
    targets = torch.randint(0, vocabulary, (rows,), generator=generator)
    exact = hidden.double().requires_grad_(True)
    wanted = torch.nn.functional.cross_entropy(exact @ weight.double().t(), targets, reduction="none")
    slope = torch.autograd.grad(wanted.sum(), exact)[0]
    torch.testing.assert_close(next_token_loss(hidden, weight, targets).double(), wanted, atol=2e-5, rtol=1e-5)
    losses, slopes = next_token_slope(hidden, weight, targets)
    torch.testing.assert_close(losses.double(), wanted, atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(slopes.double(), slope, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_large_logits_overflow_nothing(shift):
    hidden, weight = torch.tensor([[1.0, shift]]), torch.tensor([[3.0, 1.0]]).repeat(1000, 1)
    loss = next_token_loss(hidden, weight, torch.tensor([7]))
    torch.testing.assert_close(loss, torch.tensor([1000.0]).log(), atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("kind", "plain"),
    [("llama", True), ("gpt2", True), ("bloom", True), ("qwen3_moe", True), ("gemma2", False), ("cohere", False)],
)
def test_heads_that_only_multiply_are_plain(kind, plain, wrapped):
    assert (plain_unembedding(wrapped(kind)) is not None) == plain


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_types_give_the_loss_of_their_own_logits_and_none_below_zero(dtype):
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(700, 32, generator=generator).to(dtype)
    targets = torch.randint(0, 700, (200,), generator=generator)
    hidden = (torch.randn(200, 32, generator=generator) * 0.3 + 2 * weight[targets].float()).to(dtype)  # sure of them
    wanted = torch.nn.functional.cross_entropy((hidden @ weight.t()).float(), targets, reduction="none")
    losses = next_token_loss(hidden, weight, targets)
    assert (losses > -1e-6).all()
    torch.testing.assert_close(losses, wanted, atol=1e-5, rtol=1e-4)
